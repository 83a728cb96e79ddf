#include <canopy/nn/layer_norm.hpp>

#include <cmath>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include "support/parameter.hpp"
#include "support/reference.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::parameter;

BOOST_AUTO_TEST_SUITE(layer_norm)

BOOST_AUTO_TEST_CASE(normalises_at_first_and_has_the_right_gradients) {
  const nn::LayerNorm layer({.width = 9});
  const Variable x = parameter({2, 3, 9}, "x");
  const Tensor y = layer(x).value();
  for (std::int64_t row = 0; row < 6; ++row) {
    double sum = 0, squares = 0;
    for (std::int64_t j = 0; j < 9; ++j) sum += y.data()[row * 9 + j];
    for (std::int64_t j = 0; j < 9; ++j) squares += std::pow(y.data()[row * 9 + j] - sum / 9, 2);
    BOOST_TEST(std::abs(sum) < 1e-5);
    BOOST_TEST(std::abs(squares / 9 - 1) < 1e-3);
  }
  const GradcheckResult result = gradcheck([&] { return layer(x); }, {x, layer.weight(), layer.bias()});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(names_its_parameters_and_may_lack_a_bias) {
  const nn::LayerNorm with({.width = 5});
  BOOST_TEST_REQUIRE(with.named_parameters().size() == 2U);
  BOOST_TEST(with.named_parameters()[0].name == "weight");
  BOOST_TEST(with.named_parameters()[1].name == "bias");
  const nn::LayerNorm without({.width = 5, .bias = false});
  BOOST_TEST(without.parameter_count() == 5);
  const Variable x = parameter({3, 5}, "x");
  const GradcheckResult result = gradcheck([&] { return without(x); }, {x, without.weight()});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(agrees_with_pytorch) {
  test::for_each_reference("layer_norm_", [](const Safetensors& file, const std::string& name) {
    const Tensor& x = file.tensors.at("x");
    nn::LayerNorm layer({.width = x.extent(-1), .epsilon = std::stof(file.metadata.at("eps"))});
    layer.load_state_dict({{"weight", file.tensors.at("weight")}, {"bias", file.tensors.at("bias")}});
    const Variable input = Variable::parameter(x, "x");
    Tape tape;
    const Variable y = layer(input);
    tape.backward(record("sum(y * dy)", {y}, Tensor::scalar(0.f), keep(),
                         [dy = y.sink(), &file](const Tensor&) { dy.accumulate(file.tensors.at("dy")); }));
    test::check_close(y.value(), file.tensors.at("y"), 1e-5, name + " y");
    test::check_close(input.grad(), file.tensors.at("grad.x"), 1e-5, name + " grad.x");
    test::check_close(layer.weight().grad(), file.tensors.at("grad.weight"), 1e-5, name + " grad.weight");
    test::check_close(layer.bias().grad(), file.tensors.at("grad.bias"), 1e-5, name + " grad.bias");
    // A row of deviation 1e-3 around 5 keeps four digits; a constant row is the bias.
    test::check_close(layer(file.tensors.at("small_x")).value(), file.tensors.at("small_y"), 1e-3, name + " small_y");
    test::check_close(layer(file.tensors.at("constant_x")).value(), file.tensors.at("constant_y"), 1e-5,
                      name + " constant_y");
  });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit) {
  BOOST_CHECK_THROW(nn::LayerNorm({.width = 0}), ConfigError);
  BOOST_CHECK_THROW(nn::LayerNorm({.width = 3, .epsilon = -1.f}), ConfigError);
  BOOST_CHECK_THROW(nn::LayerNorm({.width = 3, .epsilon = std::nanf("")}), ConfigError);
  BOOST_CHECK_THROW(nn::LayerNorm({.width = 3})(Tensor({2, 4}, 1.f)), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
