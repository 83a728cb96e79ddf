// The code of autograd/ADDING_AN_OPERATION.md; the last test holds the page to it.
#include <fstream>
#include <set>
#include <string>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/kernels/simd.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/xtensor.hpp>

#include <boost/test/unit_test.hpp>

// A namespace of its own: a user's operations may have the names of canopy's.
namespace users {

using namespace canopy;

// y = x * sigmoid(x);  dy/dx = s * (1 + x * (1 - s)) with s = sigmoid(x)
Variable silu(const Variable& x) {
  const Tensor s = evaluate(1.f / (1.f + xt::exp(-view(x.value()))));
  const Tensor y = evaluate(view(x.value()) * view(s));
  return record("silu", {x}, y, [x, s](const Tensor& dy) {
    x.accumulate(evaluate(view(dy) * view(s) * (1.f + view(x.value()) * (1.f - view(s)))));
  });
}

using kernels::simd::Batch;

Batch sigmoid(const Batch& x) { return 1.f / (1.f + xsimd::exp(-x)); }

void silu(const float* x, float* y, std::int64_t n) {
  kernels::simd::map(
      n, y, [](Batch v) { return v * sigmoid(v); }, x);
}

void silu_backward(const float* x, const float* dy, float* dx, std::int64_t n) {
  const auto gradient = [](Batch v, Batch g) {
    const Batch s = sigmoid(v);
    return g * s * (1.f + v * (1.f - s));
  };
  kernels::simd::map(n, dx, gradient, x, dy);
}

Variable fast_silu(const Variable& x) {
  Tensor y(x.shape());
  silu(x.value().data(), y.mutable_data(), y.size());
  return record("fast_silu", {x}, y, keep(x.value()), [x = x.value(), sink = x.sink()](const Tensor& dy) {
    Tensor dx(x.shape());
    silu_backward(x.data(), dy.data(), dx.mutable_data(), dx.size());
    sink.accumulate(dx);
  });
}

std::string trimmed(const std::string& line) {
  const auto first = line.find_first_not_of(" ");
  return first == std::string::npos ? "" : line.substr(first);
}

}  // namespace users

using namespace users;

BOOST_AUTO_TEST_SUITE(adding_an_operation)

BOOST_AUTO_TEST_CASE(the_expression_has_the_right_gradient) {
  const Variable x = Variable::parameter(Tensor({2, 3}, {-3.f, -1.f, -0.2f, 0.f, 0.5f, 4.f}), "x");
  const GradcheckResult result = gradcheck([&] { return silu(x); }, {x});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(the_kernel_has_the_right_gradient) {
  Tensor value({5, 7});
  RandomStream(1, "silu").fill_normal(value.mutable_elements(), 0.f, 2.f);
  const Variable x = Variable::parameter(value, "x");
  const GradcheckResult result = gradcheck([&] { return fast_silu(x); }, {x});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(the_kernel_agrees_with_the_expression) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 33, 1000, 100001}) {
    Tensor x({n});
    RandomStream(n, "silu").fill_normal(x.mutable_elements(), 0.f, 3.f);
    const Tensor fast = fast_silu(x).value();
    const Tensor naive = silu(x).value();
    for (std::int64_t i = 0; i < n; ++i) BOOST_REQUIRE_SMALL(fast.data()[i] - naive.data()[i], 1e-5f);
  }
}

BOOST_AUTO_TEST_CASE(the_kernel_keeps_less) {
  const auto kept = [](Variable (*operation)(const Variable&)) {
    const Variable x = Variable::parameter(Tensor({1 << 18}, 1.f), "x");
    Tape tape;
    const std::size_t before = memory::counters().live;
    operation(operation(x));
    return memory::counters().live - before;
  };
  BOOST_TEST(kept(fast_silu) == std::size_t{1} << 20);                                         // the second one's input
  BOOST_TEST(kept(static_cast<Variable (*)(const Variable&)>(silu)) == std::size_t{3} << 20);  // and both sigmoids
}

BOOST_AUTO_TEST_CASE(the_page_shows_this_file) {
  const std::string here = __FILE__;
  const std::string root = here.substr(0, here.rfind("tests/autograd/"));
  std::ifstream source(here), page(root + "autograd/ADDING_AN_OPERATION.md");
  BOOST_REQUIRE(source.is_open());
  BOOST_REQUIRE(page.is_open());
  std::set<std::string> lines;
  for (std::string line; std::getline(source, line);) lines.insert(users::trimmed(line));
  int shown = 0;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = line == "```cpp";
    } else if (inside) {
      ++shown;
      BOOST_TEST(lines.contains(users::trimmed(line)), "not in this file: " << line);
    }
  }
  BOOST_TEST(shown > 40);
}

BOOST_AUTO_TEST_SUITE_END()
