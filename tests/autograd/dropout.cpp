#include <canopy/autograd/dropout.hpp>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(dropout)

namespace {

Variable ones(const Shape& shape) { return Variable::parameter(Tensor(shape, 1.f), "x"); }

}  // namespace

BOOST_AUTO_TEST_CASE(drops_and_scales) {
  RandomStream stream(1, "dropout");
  const Tensor y = canopy::dropout(ones({40, 50}), 0.75f, stream).value();
  std::int64_t kept = 0;
  for (const float v : y.elements()) {
    BOOST_REQUIRE((v == 0.f || v == 4.f));
    kept += v != 0.f;
  }
  BOOST_TEST(kept > 400);
  BOOST_TEST(kept < 600);
}

BOOST_AUTO_TEST_CASE(the_stream_decides) {
  RandomStream stream(1, "dropout");
  const Tensor first = canopy::dropout(ones({64}), 0.5f, stream).value();
  const Tensor second = canopy::dropout(ones({64}), 0.5f, stream).value();
  stream.seek(0);
  const Tensor again = canopy::dropout(ones({64}), 0.5f, stream).value();
  const auto equal = [](const Tensor& a, const Tensor& b) {
    return std::equal(a.elements().begin(), a.elements().end(), b.elements().begin());
  };
  BOOST_TEST(!equal(first, second));
  BOOST_TEST(equal(first, again));
}

BOOST_AUTO_TEST_CASE(has_the_right_gradient) {
  const Variable x = ones({7, 9});
  const GradcheckResult result = gradcheck(
      [&] {
        RandomStream stream(2, "dropout");
        return canopy::dropout(x, 0.4f, stream);
      },
      {x});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(probability_zero_changes_nothing) {
  RandomStream stream(1, "dropout");
  const Variable x = ones({5});
  BOOST_TEST(canopy::dropout(x, 0.f, stream).is_same(x));
  BOOST_TEST(stream.position() == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_no_probability) {
  RandomStream stream(1, "dropout");
  for (const float probability : {-0.1f, 1.f, 2.f, std::numeric_limits<float>::quiet_NaN()}) {
    BOOST_CHECK_THROW(canopy::dropout(ones({5}), probability, stream), ConfigError);
  }
}

BOOST_AUTO_TEST_SUITE_END()
