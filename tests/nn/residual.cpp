#include <canopy/nn/residual.hpp>

#include <memory>
#include <string>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/gradcheck.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/identity.hpp>
#include <canopy/nn/layer_norm.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/sequential.hpp>

#include "support/parameter.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::parameter;
using test::same_bits;

BOOST_AUTO_TEST_SUITE(residual)

BOOST_AUTO_TEST_CASE(adds_its_input) {
  manual_seed(1);
  nn::Residual layer(std::make_unique<nn::Linear>(nn::LinearOptions{.inputs = 4, .outputs = 4}));
  BOOST_TEST(layer.named_parameters().front().name == "layer.weight");
  const Variable x = parameter({2, 3, 4}, "x");
  BOOST_TEST(same_bits(layer(x).value(), (x + layer.layer()(x)).value()));
  std::vector<Variable> inputs = layer.parameters();
  inputs.push_back(x);
  const GradcheckResult result = gradcheck([&] { return layer(x); }, inputs);
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(composes_with_other_layers) {
  manual_seed(2);
  auto block = std::make_unique<nn::Sequential>();
  block->add<nn::LayerNorm>({.width = 6});
  block->add<nn::Linear>({.inputs = 6, .outputs = 6, .activation = Activation::gelu});
  block->add<nn::Dropout>({.probability = 0.5f});
  nn::Sequential model;
  model.add<nn::Residual>(std::move(block));
  model.add<nn::Identity>();
  model.add<nn::Linear>({.inputs = 6, .outputs = 2});
  BOOST_TEST(model.named_parameters().front().name == "0.layer.0.weight");
  model.eval();
  const Variable x = parameter({3, 6}, "x");
  std::vector<Variable> inputs = model.parameters();
  inputs.push_back(x);
  const GradcheckResult result = gradcheck([&] { return model(x); }, inputs);
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(a_layer_that_changes_the_shape_is_named_with_both) {
  const nn::Residual layer(std::make_unique<nn::Linear>(nn::LinearOptions{.inputs = 3, .outputs = 1}));
  BOOST_CHECK_EXCEPTION(layer(Tensor({2, 3}, 1.f)), ShapeError, [](const ShapeError& error) {
    return std::string(error.what()).starts_with("Residual: the layer turns [2, 3] into [2, 1]");
  });
  BOOST_CHECK_THROW(nn::Residual(nullptr), ConfigError);
}

BOOST_AUTO_TEST_CASE(the_identity_is_the_same_variable) {
  const Variable x = parameter({2}, "x");
  BOOST_TEST(nn::Identity()(x).is_same(x));
}

BOOST_AUTO_TEST_SUITE_END()
