#include <cstdlib>
#include <string_view>

#include <canopy/core/environment.hpp>

#include <cblas.h>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(openblas)

// Another build may stand in its place at run time, with threads of its own: other bits, and cores used twice.
BOOST_AUTO_TEST_CASE(is_the_openmp_build) { BOOST_TEST(openblas_get_parallel() == OPENBLAS_OPENMP); }

// Also of a processor that OpenBLAS does not know: this program has started anew by then.
BOOST_AUTO_TEST_CASE(the_kernels_suit_the_processor) {
  const char* asked_for = std::getenv("OPENBLAS_CORETYPE");
  if (asked_for == nullptr || std::string_view(asked_for) != "Prescott") BOOST_TEST(!better_blas_kernels());
}

BOOST_AUTO_TEST_SUITE_END()
