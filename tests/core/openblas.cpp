#include <cblas.h>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(openblas)

// Another build may stand in its place at run time, with threads of its own: other bits, and cores used twice.
BOOST_AUTO_TEST_CASE(is_the_openmp_build) { BOOST_TEST(openblas_get_parallel() == OPENBLAS_OPENMP); }

BOOST_AUTO_TEST_SUITE_END()
