// The main function of every test program.
#define BOOST_TEST_MODULE canopy
#include <limits>

#include <canopy/core/environment.hpp>

#include <boost/test/unit_test.hpp>

namespace {

// Whatever the library did, it left the thread's arithmetic as it was.
struct DenormalsAreNumbers : boost::unit_test::test_observer {
  DenormalsAreNumbers() { boost::unit_test::framework::register_observer(*this); }
  ~DenormalsAreNumbers() override { boost::unit_test::framework::deregister_observer(*this); }
  void test_unit_finish(const boost::unit_test::test_unit& unit, unsigned long) override {
    const volatile float smallest = std::numeric_limits<float>::min();
    if (unit.p_type == boost::unit_test::TUT_CASE) BOOST_TEST(smallest / 4.f > 0.f, "denormals are zero now");
  }
};

// Tests run the kernels that programs run.
struct BetterKernels {
  BetterKernels() { canopy::restart_with_better_blas_kernels(); }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(DenormalsAreNumbers);
BOOST_TEST_GLOBAL_CONFIGURATION(BetterKernels);
