// The main function of every test program.
#define BOOST_TEST_MODULE canopy
#include <canopy/core/environment.hpp>

#include <boost/test/unit_test.hpp>

namespace {

// Tests run the kernels that programs run.
struct BetterKernels {
  BetterKernels() { canopy::restart_with_better_blas_kernels(); }
};

}  // namespace

BOOST_TEST_GLOBAL_CONFIGURATION(BetterKernels);
