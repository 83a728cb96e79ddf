// Layers of every routed kind, composed as in a transformer: what a user builds.
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/losses.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/checkpoints/checkpoint.hpp>
#include <canopy/nn/layer_norm.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/residual.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/routing_load.hpp>
#include <canopy/nn/routed/routing_losses.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>
#include <canopy/optim/adam.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"
#include "support/same_bits.hpp"
#include "support/temporary_folder.hpp"

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(composed_model)

namespace {

struct Sizes {
  std::int64_t inputs, hidden, outputs;
  bool noise = true;
};

// x + layer(norm(x))
template <class Routed, class Options>
std::unique_ptr<nn::Layer> block(const Options& options) {
  auto inner = std::make_unique<nn::Sequential>();
  inner->add<nn::LayerNorm>(nn::LayerNormOptions{.width = options.inputs});
  inner->add<Routed>(options);
  return std::make_unique<nn::Residual>(std::move(inner));
}

struct Model : nn::Sequential {
  explicit Model(const Sizes& sizes) {
    const std::int64_t n = sizes.hidden;
    add<nn::Linear>(nn::LinearOptions{.inputs = sizes.inputs, .outputs = n});
    append(block<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = n, .outputs = n, .trees = 2, .depth = 3}));
    append(block<nn::FFF>(
        nn::FFFOptions{.inputs = n, .outputs = n, .depth = 2, .leaf_width = 4, .activation = Activation::gelu}));
    append(block<nn::MoE>(nn::MoEOptions{.inputs = n,
                                         .outputs = n,
                                         .experts = 4,
                                         .expert_width = 4,
                                         .k = 2,
                                         .activation = Activation::gelu,
                                         .noise = sizes.noise}));
    add<nn::Linear>(nn::LinearOptions{.inputs = n, .outputs = sizes.outputs});
  }
};

const std::vector<std::string> names = {"1.layer.1", "2.layer.1", "3.layer.1"};

// With every loss on routing that there is.
Variable loss_of(const nn::Layer& model, const Variable& x, const Tensor& target) {
  const nn::RoutingTrace trace;
  const Variable error = mean_squared_error(model(x), target);
  return error + 0.01f * nn::hardening_loss(trace, {.weighting = nn::EntropyWeighting::path}) +
         0.01f * nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency}) +
         0.01f * nn::importance_loss(trace) + 0.01f * nn::load_loss(trace);
}

constexpr Sizes sizes{.inputs = 6, .hidden = 16, .outputs = 3};

// Sequences of tokens, and what a layer of the kind makes of them.
struct Data {
  Tensor x = normal({12, 10, sizes.inputs});
  Tensor target;

  Data() {
    manual_seed(1);
    target = nn::TreeFFF({.inputs = sizes.inputs, .outputs = sizes.outputs, .depth = 3}).infer(x).y;
  }
};

struct Training {
  std::vector<float> losses;
  std::unique_ptr<Model> model;
};

Training train(const Data& data, int steps) {
  manual_seed(2);
  Training result{.losses = {}, .model = std::make_unique<Model>(sizes)};
  optim::Adam optimizer(result.model->parameters(), {.learning_rate = 3e-3});
  for (int step = 0; step < steps; ++step) {
    for (nn::FFF* tree : nn::soft_trees(*result.model)) {
      tree->set_routing(step < steps / 2 ? Routing::soft : Routing::sparse_straight_through);
    }
    Tape tape;
    const Variable loss = loss_of(*result.model, data.x, data.target);
    result.losses.push_back(loss.value().item());
    tape.backward(loss);
    optimizer.step();
    optimizer.zero_grad();
  }
  return result;
}

// How far the closest decision is from another one.
float margin(const nn::RoutingTrace& trace) {
  float least = 1e9f;
  const auto from_zero = [&](const Tensor& logits) {
    for (const float z : logits.elements()) least = std::min(least, std::abs(z));
  };
  for (const nn::RoutingDecision& each : trace.decisions()) {
    if (const auto* tree = std::get_if<nn::TreeDecisions>(&each.how)) from_zero(tree->logits.value());
    if (const auto* forest = std::get_if<nn::ForestDecisions>(&each.how)) from_zero(forest->logits().value());
    if (const auto* gates = std::get_if<nn::GateDecisions>(&each.how)) {
      Tensor sorted = gates->clean.value().clone();
      const std::int64_t experts = sorted.extent(1), k = gates->chosen.extent(1);
      for (std::int64_t r = 0; r < each.rows(); ++r) {
        float* row = sorted.mutable_data() + r * experts;
        std::sort(row, row + experts, std::greater<>());
        least = std::min(least, row[k - 1] - row[k]);
      }
    }
  }
  return least;
}

}  // namespace

BOOST_AUTO_TEST_CASE(learns_and_says_where_it_sends_its_rows) {
  const Data data;
  const Training training = train(data, 120);
  BOOST_TEST(training.losses.back() < 0.5f * training.losses.front());
  Model& model = *training.model;
  model.eval();
  nn::RoutingLoads loads(model);
  const nn::RoutingTrace trace;
  const Variable y = model(data.x);
  loads.add(trace);
  BOOST_TEST(y.shape() == (Shape{12, 10, sizes.outputs}));
  BOOST_TEST_REQUIRE(loads.layers().size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const nn::RoutingLoad& load = loads.layers()[i];
    BOOST_TEST(load.layer == names[i]);
    BOOST_TEST(load.rows == 120);
    BOOST_TEST(!load.collapsed(), load.layer << ": " << load.maximum());
    BOOST_TEST(load.used() > load.trees);
    std::int64_t sum = 0;
    for (const std::int64_t n : load.branches) sum += n;
    BOOST_TEST(sum == 120 * load.trees);
    BOOST_TEST(trace.at(names[i]).rows() == 120);
  }
}

BOOST_AUTO_TEST_CASE(every_parameter_learns_under_its_full_name) {
  const Data data;
  manual_seed(3);
  Model model(sizes);
  Tape tape;
  tape.backward(loss_of(model, data.x, data.target));
  for (const nn::NamedVariable& entry : model.named_parameters()) {
    BOOST_TEST(entry.variable.name() == entry.name);
    BOOST_TEST(entry.variable.has_grad(), entry.name);
  }
  const std::string first = model.named_parameters()[2].name;
  BOOST_TEST(first == "1.layer.0.weight");
}

BOOST_AUTO_TEST_CASE(is_rebuilt_from_its_file) {
  const TemporaryFolder folder;
  const Data data;
  const Training training = train(data, 5);
  training.model->eval();
  save(*training.model, folder / "model.safetensors");
  const LoadedModel loaded = load_model(folder / "model.safetensors");
  BOOST_TEST(same_bits(loaded.model->forward(data.x).value(), training.model->forward(data.x).value()));
  BOOST_TEST(nn::routed_layers(*loaded.model).back()->name() == names.back());
}

BOOST_AUTO_TEST_CASE(four_threads_infer_with_one_model) {
  const Data data;
  const Training training = train(data, 5);
  training.model->eval();
  const Model& shared = *training.model;
  const Tensor expected = shared(data.x).value();
  std::vector<std::vector<Tensor>> found(4);
  std::vector<std::thread> threads;
  for (std::vector<Tensor>& answers : found) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const nn::RoutingTrace trace;
        answers.push_back(shared(data.x).value());
        if (trace.decisions().size() != names.size()) answers.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<Tensor>& answers : found) {
    BOOST_TEST(answers.size() == 5u);
    for (const Tensor& y : answers) BOOST_TEST(same_bits(y, expected));
  }
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_the_function) {
  for (const bool training : {true, false}) {
    const Variable x = Variable::parameter(normal({2, 2, 3}, "gradcheck"), "x");
    const Tensor target = normal({2, 2, 2}, "target");
    // Of many models one whose rows a small step leaves on their ways.
    std::unique_ptr<Model> found;
    for (std::uint64_t seed = 0; seed < 1000 && found == nullptr; ++seed) {
      manual_seed(seed);
      auto model = std::make_unique<Model>(Sizes{.inputs = 3, .hidden = 6, .outputs = 2, .noise = false});
      training ? model->train() : model->eval();
      const nn::RoutingTrace trace({.details = true});
      (*model)(x);
      if (margin(trace) > 0.03f) found = std::move(model);
    }
    BOOST_TEST_REQUIRE(found != nullptr);
    const Model& model = *found;
    std::vector<Variable> inputs = model.parameters();
    inputs.push_back(x);
    const auto loss = [&] {
      const nn::RoutingTrace trace({.details = true});
      const Variable error = mean_squared_error(model(x), target);
      return error + 0.1f * nn::hardening_loss(trace) +
             0.1f * nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency}) +
             0.1f * nn::importance_loss(trace) + 0.1f * nn::load_loss(trace);
    };
    const GradcheckResult result = gradcheck(loss, inputs);
    BOOST_TEST(result.passed, result.message);
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const Data data;
  same_bits_on_any_threads([&] {
    const Training training = train(data, 6);
    std::vector<Tensor> all;
    for (const float loss : training.losses) all.push_back(Tensor::scalar(loss));
    for (const auto& [name, value] : training.model->state_dict()) all.push_back(value);
    training.model->eval();
    all.push_back(training.model->forward(data.x).value());
    return all;
  });
}

BOOST_AUTO_TEST_SUITE_END()
