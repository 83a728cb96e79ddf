#include <canopy/nn/routed/tree_fff.hpp>

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/losses.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/checkpoints/checkpoint.hpp>
#include <canopy/optim/adam.hpp>

#include "support/normal.hpp"
#include "support/reference.hpp"
#include "support/same_bits.hpp"
#include "support/temporary_folder.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(tree_fff)

namespace {

// sum(y * dy)
Variable weighted_sum(const Variable& y, const Tensor& upstream) {
  double sum = 0;
  for (std::int64_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y.value().data()[i]) * upstream.data()[i];
  return record("sum(y * dy)", {y}, Tensor::scalar(static_cast<float>(sum)), keep(),
                [dy = y.sink(), upstream](const Tensor&) { dy.accumulate(upstream); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(agrees_with_the_released_layer) {
  for_each_reference("fff_tree_", [](const Safetensors& file, const std::string& name) {
    const auto number = [&](const char* key) { return std::stoi(file.metadata.at(key)); };
    const std::vector<const char*> keys = {"linear_in.weight", "linear_in.bias", "linear_out.weight"};
    nn::TreeFFF model(
        {.inputs = number("width"), .outputs = number("width"), .trees = number("trees"), .depth = number("depth")});
    nn::StateDict state;
    for (const char* key : keys) state[key] = file.tensors.at(key);
    for (const bool masked : {false, true}) {
      model.load_state_dict(state);
      model.zero_grad();
      const Variable x = Variable::parameter(file.tensors.at("x"), "x");
      Tape tape;
      const Variable y = masked ? model.forward_masked(x) : model(x);
      check_close(y.value(), file.tensors.at("y"), 1e-4, name + " y");
      tape.backward(weighted_sum(y, file.tensors.at("dy")));
      check_close(x.grad(), file.tensors.at("grad.x"), 1e-4, name + " grad.x");
      for (nn::NamedVariable& entry : model.named_parameters()) {
        Variable& v = entry.variable;
        std::copy_n(v.grad().data(), v.size(), v.mutable_value().mutable_data());
      }
      // Through the state dictionary, so that gradients have the layouts of the files.
      for (const auto& [key, gradient] : model.state_dict()) {
        check_close(gradient, file.tensors.at("grad." + key), 1e-4, name + " grad." + key);
      }
      model.load_state_dict(state);
      check_close(model.infer(file.tensors.at("x")).y, file.tensors.at("y"), 1e-4, name + " inferred y");
    }
  });
}

BOOST_AUTO_TEST_CASE(is_the_masked_dense_layer_forward_and_backward) {
  for (const int depth : {0, 1, 2, 4, 7}) {
    for (const int trees : {1, 3}) {
      for (const bool bias : {false, true}) {
        for (const Activation activation : {Activation::gelu, Activation::relu}) {
          for (const std::int64_t batch : {1, 9, 150}) {
            manual_seed(1);
            nn::TreeFFF model(
                {.inputs = 19, .outputs = 11, .trees = trees, .depth = depth, .activation = activation, .bias = bias});
            const Tensor input = normal({batch, 19}), upstream = normal({batch, 11}, "dy");
            std::vector<Tensor> gradients[2];
            for (const bool masked : {false, true}) {
              const Variable x = Variable::parameter(input, "x");
              model.zero_grad();
              Tape tape;
              const Variable y = masked ? model.forward_masked(x) : model(x);
              if (!masked) check_close(model.infer(input).y, y.value(), 1e-5, "infer");
              tape.backward(weighted_sum(y, upstream));
              gradients[masked].push_back(y.value());
              gradients[masked].push_back(x.grad());
              for (const Variable& p : model.parameters()) {
                BOOST_TEST(p.has_row_grad() == (!masked && depth > 2), p.name());
                gradients[masked].push_back(p.grad());
              }
            }
            for (std::size_t i = 0; i < gradients[0].size(); ++i) {
              check_close(gradients[0][i], gradients[1][i], 1e-5, "gradient " + std::to_string(i));
            }
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_the_function) {
  manual_seed(2);
  nn::TreeFFF model({.inputs = 5, .outputs = 4, .trees = 2, .depth = 2});
  const Variable x = Variable::parameter(normal({6, 5}), "x");
  std::vector<Variable> inputs = model.parameters();
  inputs.push_back(x);
  const GradcheckResult sparse = gradcheck([&] { return model(x); }, inputs);
  BOOST_TEST(sparse.passed, sparse.message);
  const GradcheckResult masked = gradcheck([&] { return model.forward_masked(x); }, inputs);
  BOOST_TEST(masked.passed, masked.message);
}

BOOST_AUTO_TEST_CASE(gradients_of_weights_hold_the_visited_nodes_only) {
  manual_seed(3);
  nn::TreeFFF model({.inputs = 8, .outputs = 8, .trees = 2, .depth = 10});
  Tape tape;
  tape.backward(weighted_sum(model(normal({3, 8})), normal({3, 8}, "dy")));
  for (const Variable& p : model.parameters()) {
    BOOST_REQUIRE(p.has_row_grad());
    BOOST_TEST(p.row_grad().rows.size() <= 3 * 2 * 11);
    BOOST_TEST(p.row_grad().rows.size() >= 2 * 11);
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  for (const int trees : {1, 4}) {
    manual_seed(4);
    nn::TreeFFF model({.inputs = 50, .outputs = 40, .trees = trees, .depth = 5});
    const Tensor input = normal({700, 50}), upstream = normal({700, 40}, "dy");
    same_bits_on_any_threads([&] {
      const Variable x = Variable::parameter(input, "x");
      model.zero_grad();
      Tape tape;
      const Variable y = model(x);
      tape.backward(weighted_sum(y, upstream));
      std::vector<Tensor> all = {y.value(), model.infer(input).y, x.grad()};
      for (const Variable& p : model.parameters()) all.push_back(p.grad());
      return all;
    });
  }
}

BOOST_AUTO_TEST_CASE(many_threads_infer_with_one_model) {
  manual_seed(5);
  nn::TreeFFF model({.inputs = 30, .outputs = 30, .trees = 2, .depth = 4});
  model.eval();
  const Tensor x = normal({40, 30});
  const Tensor expected = model(x).value();
  std::vector<Tensor> found(4);
  std::vector<std::thread> threads;
  for (Tensor& y : found) threads.emplace_back([&] { y = model(x).value(); });
  for (std::thread& thread : threads) thread.join();
  for (const Tensor& y : found) BOOST_TEST(same_bits(y, expected));
}

BOOST_AUTO_TEST_CASE(trains) {
  manual_seed(6);
  nn::TreeFFF model({.inputs = 10, .outputs = 3, .depth = 4});
  nn::TreeFFF teacher({.inputs = 10, .outputs = 3, .depth = 3});
  const Tensor x = normal({500, 10}), target = teacher.infer(x).y;
  optim::Adam optimizer(model.parameters(), {.learning_rate = 1e-2});
  float first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    Tape tape;
    const Variable loss = mean_squared_error(model(x), target);
    (step == 0 ? first : last) = loss.value().item();
    tape.backward(loss);
    optimizer.step();
    optimizer.zero_grad();
  }
  BOOST_TEST(last < 0.3f * first);
}

BOOST_AUTO_TEST_CASE(checkpoints_keep_the_layout_of_the_released_code) {
  TemporaryFolder folder;
  for (const bool bias : {false, true}) {
    manual_seed(7);
    nn::TreeFFF model(
        {.inputs = 6, .outputs = 4, .trees = 2, .depth = 3, .activation = Activation::relu, .bias = bias});
    BOOST_TEST(model.state_dict().at("linear_out.weight").shape() == (Shape{4, 30}));
    save(model, folder.path() / "tree.safetensors", {});
    const LoadedModel loaded = load_model(folder.path() / "tree.safetensors");
    const Tensor x = normal({20, 6});
    model.eval();
    BOOST_TEST(same_bits(loaded.model->forward(x).value(), model(x).value()));
  }
  nn::TreeFFF model({.inputs = 6, .outputs = 4, .depth = 3});
  Safetensors file{.metadata = nn::to_metadata(model.architecture()), .tensors = model.state_dict(), .indices = {}};
  for (const char* depth : {"", "four", "4", "-3"}) {
    file.metadata.insert_or_assign("depth", std::string(depth));
    write_safetensors(folder.path() / "damaged.safetensors", file);
    BOOST_CHECK_THROW(load_model(folder.path() / "damaged.safetensors"), CheckpointError);
  }
}

BOOST_AUTO_TEST_CASE(wrong_options_and_inputs_are_refused) {
  BOOST_CHECK_THROW(nn::TreeFFF({.inputs = 0, .outputs = 1}), ConfigError);
  BOOST_CHECK_THROW(nn::TreeFFF({.inputs = 1, .outputs = 1, .trees = 0}), ConfigError);
  BOOST_CHECK_THROW(nn::TreeFFF({.inputs = 1, .outputs = 1, .depth = -1}), ConfigError);
  BOOST_CHECK_THROW(nn::TreeFFF({.inputs = 1, .outputs = 1, .depth = 25}), ConfigError);
  nn::TreeFFF model({.inputs = 6, .outputs = 4, .depth = 3});
  BOOST_CHECK_THROW(model(normal({2, 5})), ShapeError);
  BOOST_CHECK_THROW(model.infer(normal({2, 5})), ShapeError);
  const Tensor w({15, 6}), out({15, 4});
  BOOST_CHECK_THROW(neuron_forest(normal({2, 6}), w, Variable(), out, {.depth = 2}), ShapeError);
  BOOST_CHECK_THROW(neuron_forest(normal({2, 6}), w, Tensor({14}), out, {.depth = 3}), ShapeError);
  BOOST_CHECK_THROW(path_activations(normal({2, 14}), {.depth = 3}), ShapeError);
  BOOST_TEST(model(Tensor({0, 6})).shape() == (Shape{0, 4}));
}

BOOST_AUTO_TEST_SUITE_END()
