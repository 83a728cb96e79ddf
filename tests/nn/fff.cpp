#include <canopy/nn/routed/fff.hpp>

#include <cmath>
#include <thread>
#include <vector>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"
#include "support/routing.hpp"
#include "support/same_bits.hpp"

using namespace canopy;
using test::decide;
using test::normal;

BOOST_AUTO_TEST_SUITE(fff)

namespace {

// The layer as the paper writes it, in double, from its state dictionary.
struct Naive {
  nn::StateDict state;
  int depth;

  double at(const char* name, std::int64_t i) const { return state.at(name).data()[i]; }

  double probability(const float* x, std::int64_t k) const {
    const std::int64_t inputs = state.at("node_weights").extent(1);
    double z = at("node_biases", k);
    for (std::int64_t i = 0; i < inputs; ++i) z += at("node_weights", k * inputs + i) * x[i];
    return 1 / (1 + std::exp(-z));
  }

  std::vector<double> leaf(const float* x, std::int64_t leaf) const {
    const std::int64_t inputs = state.at("w1s").extent(1);
    const std::int64_t width = state.at("w1s").extent(2);
    const std::int64_t outputs = state.at("w2s").extent(2);
    std::vector<double> y;
    for (std::int64_t o = 0; o < outputs; ++o) y.push_back(at("b2s", leaf * outputs + o));
    for (std::int64_t j = 0; j < width; ++j) {
      double h = at("b1s", leaf * width + j);
      for (std::int64_t i = 0; i < inputs; ++i) h += at("w1s", (leaf * inputs + i) * width + j) * x[i];
      h = std::max(h, 0.0);
      for (std::int64_t o = 0; o < outputs; ++o)
        y[static_cast<std::size_t>(o)] += h * at("w2s", (leaf * width + j) * outputs + o);
    }
    return y;
  }

  std::vector<double> soft(const float* x, std::int64_t node = 0) const {
    const std::int64_t nodes = (std::int64_t{1} << depth) - 1;
    if (node >= nodes) return leaf(x, node - nodes);
    const double p = probability(x, node);
    std::vector<double> left = soft(x, 2 * node + 1);
    const std::vector<double> right = soft(x, 2 * node + 2);
    for (std::size_t o = 0; o < left.size(); ++o) left[o] = (1 - p) * left[o] + p * right[o];
    return left;
  }

  std::int64_t route(const float* x) const {
    std::int64_t node = 0;
    for (int level = 0; level < depth; ++level) node = 2 * node + (probability(x, node) >= 0.5 ? 2 : 1);
    return node - ((std::int64_t{1} << depth) - 1);
  }
};

void check_rows(const Tensor& y, std::int64_t row, const std::vector<double>& expected) {
  for (std::size_t o = 0; o < expected.size(); ++o) {
    const double found = y.data()[row * static_cast<std::int64_t>(expected.size()) + static_cast<std::int64_t>(o)];
    BOOST_TEST(std::abs(found - expected[o]) < 1e-4);
  }
}

std::vector<Tensor> gradients(nn::FFF& model, const Tensor& x) {
  model.zero_grad();
  Tape tape;
  const Variable y = model(x);
  const Variable loss =
      record("sum", {y}, Tensor::scalar(0.f), keep(),
             [dy = y.sink(), shape = y.shape()](const Tensor&) { dy.accumulate(Tensor(shape, 1.f)); });
  tape.backward(loss);
  std::vector<Tensor> result;
  for (const Variable& p : model.parameters()) {
    result.push_back(p.has_grad() ? p.grad().clone() : Tensor::zeros(p.shape()));
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(soft_and_hard_outputs_are_the_paper_s) {
  for (const int depth : {0, 1, 3, 5}) {
    for (const std::int64_t width : {1, 2, 3, 8, 17}) {
      manual_seed(3);
      nn::FFF model({.inputs = 21, .outputs = 5, .depth = depth, .leaf_width = width});
      const Naive naive{model.state_dict(), depth};
      const Tensor x = normal({67, 21});
      const Tensor soft = model(x).value();
      model.eval();
      const nn::FFF::Inference hard = model.infer(x);
      const Tensor y = model(x).value();
      for (std::int64_t b = 0; b < 67; ++b) {
        const float* row = x.data() + b * 21;
        check_rows(soft, b, naive.soft(row));
        BOOST_TEST(hard.leaf.data()[b] == naive.route(row));
        check_rows(y, b, naive.leaf(row, naive.route(row)));
      }
    }
  }
}

// Wide outputs are computed in the order of the leaves, over the whole batch.
BOOST_AUTO_TEST_CASE(wide_outputs_are_the_paper_s) {
  for (const int depth : {0, 2, 7}) {
    for (const std::int64_t outputs : {64, 77, 203}) {
      manual_seed(4);
      nn::FFF model({.inputs = 19, .outputs = outputs, .depth = depth, .leaf_width = 5});
      model.eval();
      const Naive naive{model.state_dict(), depth};
      const Tensor x = normal({150, 19});
      const Tensor y = model(x).value();
      for (std::int64_t b = 0; b < 150; ++b) {
        const float* row = x.data() + b * 19;
        check_rows(y, b, naive.leaf(row, naive.route(row)));
      }
      const Tensor alone = model(Tensor({1, 19}, x.elements().first(19))).value();
      BOOST_TEST(std::equal(alone.data(), alone.data() + outputs, y.data()));
    }
  }
}

BOOST_AUTO_TEST_CASE(hard_training_answers_what_inference_answers) {
  manual_seed(4);
  nn::FFF model({.inputs = 30, .outputs = 4, .depth = 4, .leaf_width = 3});
  const Tensor x = normal({50, 30});
  for (const Routing routing : {Routing::hard, Routing::straight_through}) {
    model.train();
    model.set_routing(routing);
    const Tensor trained = model(x).value();
    model.eval();
    const Tensor inferred = model(x).value();
    for (std::int64_t i = 0; i < trained.size(); ++i)
      BOOST_TEST(std::abs(trained.data()[i] - inferred.data()[i]) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_the_soft_tree) {
  for (const int depth : {0, 1, 3}) {
    manual_seed(5);
    nn::FFF model({.inputs = 6, .outputs = 3, .depth = depth, .leaf_width = 2, .activation = Activation::tanh});
    const Variable x = Variable::parameter(normal({5, 6}), "x");
    std::vector<Variable> inputs = model.parameters();
    std::erase_if(inputs, [](const Variable& v) { return v.size() == 0; });
    inputs.push_back(x);
    const GradcheckResult result = gradcheck([&] { return model(x); }, inputs);
    BOOST_TEST(result.passed, result.message);
  }
}

BOOST_AUTO_TEST_CASE(hard_routing_gives_nodes_no_gradient_and_unreached_leaves_none) {
  manual_seed(8);
  nn::FFF model({.inputs = 10, .outputs = 3, .depth = 3, .leaf_width = 2});
  model.set_routing(Routing::hard);
  const Tensor x = normal({3, 10});
  const std::vector<Tensor> grads = gradients(model, x);
  BOOST_CHECK(std::ranges::all_of(grads[0].elements(), [](float v) { return v == 0.f; }));
  model.eval();
  const nn::FFF::Inference inference = model.infer(x);
  const Tensor& db2 = grads[5];  // [8, 3]: the number of samples in each leaf
  for (std::int64_t leaf = 0; leaf < 8; ++leaf) {
    const auto samples = std::ranges::count(inference.leaf.elements(), static_cast<std::int32_t>(leaf));
    BOOST_TEST(db2.data()[leaf * 3] == static_cast<float>(samples));
  }
}

// Straight-through (PAPERS P1.5 d, step 5): dL/dz_k = [k on the path] (D_right - D_left) p (1 - p), D of the hard
// sub-trees.
BOOST_AUTO_TEST_CASE(straight_through_compares_the_hard_subtrees) {
  manual_seed(9);
  const int depth = 3;
  nn::FFF model({.inputs = 10, .outputs = 3, .depth = depth, .leaf_width = 2});
  model.set_routing(Routing::straight_through);
  const Tensor x = normal({1, 10});
  const std::vector<Tensor> grads = gradients(model, x);
  const Naive naive{model.state_dict(), depth};
  const auto total_of_leaf_below = [&](std::int64_t node) {
    while (node < 7) node = 2 * node + (naive.probability(x.data(), node) >= 0.5 ? 2 : 1);
    double sum = 0;
    for (const double v : naive.leaf(x.data(), node - 7)) sum += v;
    return sum;
  };
  std::vector<double> expected(7, 0.0);
  for (std::int64_t node = 0; node < 7;) {
    const double p = naive.probability(x.data(), node);
    expected[static_cast<std::size_t>(node)] =
        (total_of_leaf_below(2 * node + 2) - total_of_leaf_below(2 * node + 1)) * p * (1 - p);
    node = 2 * node + (p >= 0.5 ? 2 : 1);
  }
  for (std::size_t k = 0; k < 7; ++k) BOOST_TEST(std::abs(grads[1].data()[k] - expected[k]) < 1e-5);
}

BOOST_AUTO_TEST_CASE(a_frozen_tree_is_hard_and_keeps_its_boundaries) {
  manual_seed(10);
  nn::FFF model({.inputs = 10, .outputs = 3, .depth = 2, .leaf_width = 2});
  model.freeze_tree();
  BOOST_CHECK(model.routing() == Routing::hard);
  gradients(model, normal({6, 10}));
  BOOST_TEST(!model.node_weights().has_grad());
  BOOST_TEST(!model.node_weights().requires_grad());
}

BOOST_AUTO_TEST_CASE(region_leak_exchanges_children_in_training_only) {
  manual_seed(11);
  nn::FFF model({.inputs = 10, .outputs = 3, .depth = 1, .leaf_width = 2, .region_leak = 0.4f});
  const Tensor x = normal({2000, 10});
  const Tensor leaked = decide<nn::TreeDecisions>(model, x).logits.value();
  nn::FFF plain({.inputs = 10, .outputs = 3, .depth = 1, .leaf_width = 2});
  plain.load_state_dict(model.state_dict());
  const Tensor logits = decide<nn::TreeDecisions>(plain, x).logits.value();
  int exchanged = 0;
  for (std::int64_t i = 0; i < 2000; ++i) {
    BOOST_TEST(std::abs(leaked.data()[i]) == std::abs(logits.data()[i]));
    if (leaked.data()[i] != logits.data()[i]) ++exchanged;
  }
  BOOST_TEST(exchanged > 700);
  BOOST_TEST(exchanged < 900);
  model.eval();
  plain.eval();
  BOOST_CHECK(std::ranges::equal(model(x).value().elements(), plain(x).value().elements()));
}

BOOST_AUTO_TEST_CASE(initial_values_are_the_released_ones) {
  manual_seed(13);
  nn::FFF model({.inputs = 100, .outputs = 10, .depth = 4, .leaf_width = 4});
  const nn::StateDict state = model.state_dict();
  const auto check = [&](const char* name, float bound) {
    float largest = 0;
    for (const float v : state.at(name).elements()) largest = std::max(largest, std::abs(v));
    BOOST_TEST(largest <= bound);
    BOOST_TEST(largest > 0.7f * bound);
  };
  for (const char* name : {"node_weights", "node_biases", "w1s", "b1s"}) check(name, 0.1f);
  for (const char* name : {"w2s", "b2s"}) check(name, 0.5f);
  BOOST_CHECK((state.at("w1s").shape() == Shape{16, 100, 4}));
}

BOOST_AUTO_TEST_CASE(many_threads_infer_with_one_model) {
  manual_seed(16);
  nn::FFF model({.inputs = 40, .outputs = 5, .depth = 5, .leaf_width = 4});
  model.eval();
  const nn::FFF& shared = model;
  const Tensor x = normal({300, 40});
  const Tensor expected = shared(x).value();
  std::vector<int> equal(4, 0);
  std::vector<std::thread> threads;
  for (int& is_equal : equal) {
    threads.emplace_back([&] {
      bool same = true;
      for (int i = 0; i < 20; ++i) same = same && std::ranges::equal(shared(x).value().elements(), expected.elements());
      is_equal = same ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int same : equal) BOOST_TEST(same == 1);
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  manual_seed(17);
  nn::FFF model({.inputs = 200, .outputs = 10, .depth = 5, .leaf_width = 4});
  const Tensor x = normal({1000, 200});
  test::same_bits_on_any_threads([&] {
    model.train();
    std::vector<Tensor> all = gradients(model, x);
    model.eval();
    all.push_back(model(x).value());
    return all;
  });
}

BOOST_AUTO_TEST_SUITE_END()
