#include <canopy/core/kernels/selection.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/core/xtensor.hpp>

#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::same_bits;

BOOST_AUTO_TEST_SUITE(selection)

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Halves from -2 to 2: many ties, many zeros.
Tensor halves(std::int64_t n, const char* purpose) {
  Tensor x({n});
  RandomStream(4, purpose).fill_uniform(x.mutable_elements(), -2.f, 2.f);
  for (float& v : x.mutable_elements()) v = std::round(2.f * v) / 2.f + 0.f;
  return x;
}

template <class Kernel, class... In>
Tensor run(Kernel kernel, const Tensor& a, const In&... in) {
  Tensor out(a.shape());
  kernel(a.data(), in.data()..., out.mutable_data(), out.size());
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(are_their_expressions) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 33, 1000, 70001}) {
    const Tensor a = halves(n, "a"), b = halves(n, "b"), dy = halves(n, "dy");
    const auto x = view(a), y = view(b), d = view(dy);
    BOOST_TEST(same_bits(run(kernels::select, a, b, dy), evaluate(xt::where(xt::not_equal(x, 0.f), y, d))));
    BOOST_TEST(same_bits(run(kernels::maximum, a, b), evaluate(xt::maximum(x, y))));
    BOOST_TEST(same_bits(run(kernels::minimum, a, b), evaluate(xt::minimum(x, y))));
    const auto half_at_ties = xt::where(xt::equal(x, y), 0.5f * d, d);
    BOOST_TEST(same_bits(run(kernels::maximum_backward, a, b, dy), evaluate(xt::where(x < y, 0.f, half_at_ties))));
    BOOST_TEST(same_bits(run(kernels::minimum_backward, a, b, dy), evaluate(xt::where(x > y, 0.f, half_at_ties))));
    Tensor clamped(a.shape()), gradient(a.shape());
    kernels::clamp(a.data(), -1.f, 0.5f, clamped.mutable_data(), n);
    BOOST_TEST(same_bits(clamped, evaluate(xt::clip(x, -1.f, 0.5f))));
    kernels::clamp_backward(a.data(), -1.f, 0.5f, dy.data(), gradient.mutable_data(), n);
    BOOST_TEST(same_bits(gradient, evaluate(xt::where(x >= -1.f && x <= 0.5f, d, 0.f))));
  }
}

BOOST_AUTO_TEST_CASE(let_nan_and_infinities_through) {
  const Tensor a({6}, {nan, 1.f, infinity, -infinity, infinity, nan});
  const Tensor b({6}, {1.f, nan, 2.f, 2.f, infinity, nan});
  const Tensor dy({6}, 4.f);
  const auto check = [](const Tensor& found, const std::vector<float>& expected) {
    BOOST_TEST(same_bits(found, Tensor({6}, expected)));
  };
  check(run(kernels::maximum, a, b), {nan, nan, infinity, 2.f, infinity, nan});
  check(run(kernels::minimum, a, b), {nan, nan, 2.f, -infinity, infinity, nan});
  // Both operands of a NaN get the whole gradient, as in PyTorch.
  check(run(kernels::maximum_backward, a, b, dy), {4.f, 4.f, 4.f, 0.f, 2.f, 4.f});
  check(run(kernels::maximum_backward, b, a, dy), {4.f, 4.f, 0.f, 4.f, 2.f, 4.f});
  check(run(kernels::minimum_backward, a, b, dy), {4.f, 4.f, 0.f, 4.f, 2.f, 4.f});
  check(run(kernels::select, a, b, dy), {1.f, nan, 2.f, 2.f, infinity, nan});
  Tensor out({6});
  kernels::clamp(a.data(), -1.f, 2.f, out.mutable_data(), 6);
  check(out, {nan, 1.f, 2.f, -1.f, 2.f, nan});
  kernels::clamp_backward(a.data(), -1.f, infinity, dy.data(), out.mutable_data(), 6);
  check(out, {0.f, 4.f, 4.f, 0.f, 4.f, 0.f});
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const Tensor a = halves(200003, "a"), b = halves(200003, "b"), dy = halves(200003, "dy");
  test::same_bits_on_any_threads([&] {
    return std::vector{run(kernels::select, a, b, dy), run(kernels::maximum, a, b),
                       run(kernels::minimum_backward, a, b, dy)};
  });
}

BOOST_AUTO_TEST_SUITE_END()
