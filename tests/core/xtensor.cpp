#include <canopy/core/xtensor.hpp>

#include <vector>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(xtensor)

// Without the flag of canopy::xtensor this is an array of rank 8.
static_assert(
    std::is_same_v<xt::detail::xtype_for_shape<xt::svector<std::size_t, 8>>::type<float, xt::layout_type::row_major>,
                   xt::xarray<float>>);

// Without either repair of the header these temporaries have rank 4 whatever their operands.
BOOST_AUTO_TEST_CASE(temporaries_of_dynamic_shape_keep_their_rank) {
  const Tensor a({2, 3}, {1.f, 2.f, 3.f, 4.f, 5.f, 6.f});
  const auto sum = xt::eval(view(a) + view(a));
  static_assert(std::is_same_v<std::decay_t<decltype(sum)>, xt::xarray<float>>);
  BOOST_TEST(sum.dimension() == 2u);
  BOOST_TEST(sum(1, 2) == 12.f);

  xt::xarray<float> reduced = xt::sum(view(a), {0}, xt::evaluation_strategy::immediate);
  BOOST_TEST(reduced.dimension() == 1u);
  BOOST_TEST(reduced(1) == 7.f);

  xt::xarray<float> variance = xt::variance(view(a), {1});
  BOOST_TEST(variance.dimension() == 1u);
  BOOST_TEST(variance(0) == 2.f / 3.f, boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(views_share_and_count_versions) {
  Tensor a({2, 2}, 1.f);
  const auto before = a.version();
  mutable_view(a) *= 3.f;
  BOOST_TEST(a.version() > before);
  BOOST_TEST(a.data()[3] == 3.f);
}

BOOST_AUTO_TEST_CASE(expressions_broadcast_into_new_arrays) {
  const Tensor a({2, 3}, {1.f, 2.f, 3.f, 4.f, 5.f, 6.f});
  const Tensor row({3}, {10.f, 20.f, 30.f});
  const Tensor sum = evaluate(view(a) + view(row));
  BOOST_CHECK((sum.shape() == Shape{2, 3}));
  BOOST_TEST(sum.data()[5] == 36.f);
  BOOST_TEST(evaluate(xt::view(view(a), 1, xt::all())).data()[0] == 4.f);
}

BOOST_AUTO_TEST_CASE(reductions_are_evaluated_before_they_broadcast) {
  const Tensor x({3, 2}, {1.f, 3.f, 2.f, 6.f, 0.f, -4.f});
  const Tensor mean = evaluate(xt::sum(view(x), {1}, xt::keep_dims) / 2.f);
  BOOST_CHECK((mean.shape() == Shape{3, 1}));
  const Tensor centred = evaluate(view(x) - view(mean));
  const std::vector<float> expected = {-1.f, 1.f, -2.f, 2.f, 2.f, -2.f};
  BOOST_TEST(std::vector<float>(centred.elements().begin(), centred.elements().end()) == expected);
}

BOOST_AUTO_TEST_CASE(scalars_and_empty_arrays) {
  BOOST_TEST(evaluate(view(Tensor::scalar(2.f)) * 3.f).item() == 6.f);
  BOOST_CHECK((evaluate(view(Tensor({0, 3})) + 1.f).shape() == Shape{0, 3}));
  BOOST_CHECK((evaluate(view(Tensor()) + 1.f).shape() == Shape{0}));
}

BOOST_AUTO_TEST_SUITE_END()
