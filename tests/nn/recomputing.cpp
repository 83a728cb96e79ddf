// Layers that draw random numbers, count and route, computed again in backward: nothing shows it but the memory.
#include <canopy/autograd/recompute.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/routing_losses.hpp>
#include <canopy/nn/routed/tree_fff.hpp>

#include <boost/test/unit_test.hpp>

#include "support/parameter.hpp"
#include "support/routing.hpp"
#include "support/same_bits.hpp"

using namespace canopy;

BOOST_AUTO_TEST_SUITE(recomputing)

namespace {

constexpr std::int64_t width = 12;

// The output of a layer, and where it routes a loss on that.
using Block = std::function<std::vector<Variable>(const Variable&)>;

// Two steps, the second of which shows the streams that the first one left; every array that comes out.
std::vector<Tensor> steps(const nn::Module& module, const Block& block, bool again) {
  manual_seed(5);
  const Variable x = test::parameter({40, width}, "x");
  const std::vector<Variable> parameters = module.parameters();
  for (Variable p : parameters) p.zero_grad();
  std::vector<Tensor> results;
  for (int step = 0; step < 2; ++step) {
    Tape tape;
    const auto given = [&](const std::vector<Variable>& inputs) { return block(inputs[0]); };
    const std::vector<Variable> outputs = again ? recompute(given, {x}) : block(x);
    Variable loss = sum(square(outputs[0]));
    for (std::size_t i = 1; i < outputs.size(); ++i) loss = loss + 0.3f * outputs[i];
    tape.backward(loss);
    for (const Variable& y : outputs) results.push_back(y.value());
  }
  results.push_back(x.grad());
  for (const Variable& p : parameters) results.push_back(p.has_grad() ? p.grad() : Tensor());
  for (const nn::NamedVariable& buffer : module.named_buffers()) results.push_back(buffer.variable.value().clone());
  return results;
}

void check(const std::string& name, const std::function<std::unique_ptr<nn::Layer>()>& make,
           const std::function<std::vector<Variable>(const nn::Layer&, const Variable&)>& block) {
  std::vector<std::vector<Tensor>> results;
  for (const bool again : {false, true}) {
    manual_seed(1);
    const std::unique_ptr<nn::Layer> layer = make();
    results.push_back(steps(
        *layer, [&](const Variable& x) { return block(*layer, x); }, again));
  }
  BOOST_TEST_REQUIRE(results[0].size() == results[1].size());
  for (std::size_t i = 0; i < results[0].size(); ++i) {
    BOOST_TEST(test::same_bits(results[0][i], results[1][i]), name << ", array " << i);
  }
}

std::vector<Variable> output_alone(const nn::Layer& layer, const Variable& x) { return {layer(x)}; }

}  // namespace

BOOST_AUTO_TEST_CASE(layers_without_routing_losses) {
  check(
      "Linear", [] { return std::make_unique<nn::Linear>(nn::LinearOptions{.inputs = width, .outputs = 7}); },
      output_alone);
  check(
      "Dropout", [] { return std::make_unique<nn::Dropout>(nn::DropoutOptions{.probability = 0.4f}); }, output_alone);
  for (const int depth : {2, 5}) {
    const nn::TreeFFFOptions options{.inputs = width, .outputs = 7, .trees = 3, .depth = depth};
    check(
        "TreeFFF", [&] { return std::make_unique<nn::TreeFFF>(options); }, output_alone);
  }
}

BOOST_AUTO_TEST_CASE(trees_with_leak_dropout_and_losses) {
  for (const Routing routing : test::every_routing) {
    const auto make = [&] {
      auto layer = std::make_unique<nn::FFF>(nn::FFFOptions{.inputs = width,
                                                            .outputs = 7,
                                                            .depth = 3,
                                                            .leaf_width = 4,
                                                            .dropout = 0.2f,
                                                            .region_leak = 0.1f,
                                                            .master_leaf_width = 3});
      layer->set_routing(routing);
      return layer;
    };
    check("FFF", make, [](const nn::Layer& layer, const Variable& x) {
      const nn::RoutingTrace trace;
      Variable y = layer(x);
      return std::vector<Variable>{y, hardening_loss(trace), load_balance_loss(trace)};
    });
  }
}

BOOST_AUTO_TEST_CASE(experts_with_noise_and_losses) {
  for (const std::int64_t k : {1, 2}) {
    const nn::MoEOptions options{.inputs = width, .outputs = 7, .experts = 5, .expert_width = 3, .k = k};
    check(
        "MoE", [&] { return std::make_unique<nn::MoE>(options); },
        [](const nn::Layer& layer, const Variable& x) {
          const nn::RoutingTrace trace;
          Variable y = layer(x);
          return std::vector<Variable>{y, nn::importance_loss(trace), nn::load_loss(trace)};
        });
  }
}

BOOST_AUTO_TEST_SUITE_END()
