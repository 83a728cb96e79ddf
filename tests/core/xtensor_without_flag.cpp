// The flag of canopy::xtensor is revoked for this file: the header's specialisation alone must hold, for the user's
// file that was compiled without the target. Without it, these temporaries have rank 4.
#include <canopy/core/xtensor.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

static_assert(
    std::is_same_v<xt::detail::xtype_for_shape<xt::dynamic_shape<std::size_t>>::type<float, xt::layout_type::row_major>,
                   xt::xarray<float>>);

BOOST_AUTO_TEST_SUITE(xtensor_without_flag)

// Integers, so that no instantiation is shared with the file that has the flag.
BOOST_AUTO_TEST_CASE(temporaries_of_dynamic_shape_keep_their_rank) {
  const Indices a({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto sum = xt::eval(view(a) + view(a));
  static_assert(std::is_same_v<std::decay_t<decltype(sum)>, xt::xarray<std::int32_t>>);
  BOOST_TEST(sum.dimension() == 2u);
  BOOST_TEST(sum(1, 2) == 12);

  const auto reduced = xt::sum(view(a), {0}, xt::evaluation_strategy::immediate);
  BOOST_TEST(reduced.dimension() == 1u);
  BOOST_TEST(reduced(1) == 7);
}

BOOST_AUTO_TEST_SUITE_END()
