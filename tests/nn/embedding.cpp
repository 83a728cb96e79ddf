#include <canopy/nn/embedding.hpp>

#include <cmath>
#include <optional>
#include <string>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(embedding)

BOOST_AUTO_TEST_CASE(looks_up_rows_for_indices_of_any_shape) {
  manual_seed(1);
  const nn::Embedding layer({.count = 7, .width = 3});
  BOOST_TEST(layer.named_parameters().front().name == "weight");
  const Indices indices({2, 2}, {6, 0, 6, 3});
  const Tensor y = layer(indices).value();
  BOOST_CHECK((y.shape() == Shape{2, 2, 3}));
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) {
      BOOST_TEST(y.data()[i * 3 + j] == layer.weight().value().data()[indices.data()[i] * 3 + j]);
    }
  }
  const GradcheckResult result = gradcheck([&] { return layer(indices); }, {layer.weight()});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(starts_normal_with_the_deviation_asked_for) {
  for (const float deviation : {1.f, 0.02f}) {
    manual_seed(2);
    const nn::Embedding layer({.count = 300, .width = 100, .deviation = deviation});
    double sum = 0, squares = 0;
    for (const float v : layer.weight().value().elements()) {
      sum += v;
      squares += static_cast<double>(v) * v;
    }
    BOOST_TEST(std::abs(sum / 30000) < 0.03 * deviation);
    BOOST_TEST(std::abs(std::sqrt(squares / 30000) / deviation - 1) < 0.02);
  }
}

BOOST_AUTO_TEST_CASE(the_padding_row_is_0_and_stays) {
  manual_seed(3);
  nn::Embedding layer({.count = 4, .width = 2, .padding = 1});
  BOOST_TEST(test::same_bits(layer(Indices({2}, {1, 1})).value(), Tensor::zeros({2, 2})));
  Tape tape;
  tape.backward(sum(layer(Indices({3}, {1, 2, 1}))));
  BOOST_TEST_REQUIRE(layer.weight().has_row_grad());
  BOOST_TEST(test::same_bits(layer.weight().row_grad().rows, Indices({1}, 2)));
  // The other rows are the same with or without padding.
  manual_seed(3);
  const nn::Embedding plain({.count = 4, .width = 2});
  BOOST_TEST(test::same_bits(layer(Indices({3}, {0, 2, 3})).value(), plain(Indices({3}, {0, 2, 3})).value()));
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense) {
  BOOST_CHECK_THROW(nn::Embedding({.count = 0, .width = 2}), ConfigError);
  BOOST_CHECK_THROW(nn::Embedding({.count = 2, .width = 0}), ConfigError);
  BOOST_CHECK_THROW(nn::Embedding({.count = 2, .width = 1, .padding = 2}), ConfigError);
  BOOST_CHECK_THROW(nn::Embedding({.count = 2, .width = 1, .padding = -1}), ConfigError);
  BOOST_CHECK_THROW(nn::Embedding({.count = 2, .width = 1, .deviation = -1.f}), ConfigError);
  const nn::Embedding layer({.count = 2, .width = 1});
  BOOST_CHECK_EXCEPTION(layer(Indices({1, 3}, {0, 1, 2})), ShapeError, [](const ShapeError& error) {
    return std::string(error.what()) == "embedding: the index at position 2 is 2, outside of [0, 2)";
  });
}

BOOST_AUTO_TEST_SUITE_END()
