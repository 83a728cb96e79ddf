// Hard inference against its naive twin, which takes a row, a node and a leaf's neuron at a time; and that a few rows
// do not pay for the leaves that they do not reach.
#include <canopy/core/kernels/tree_inference.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include <canopy/core/kernels/grouping.hpp>
#include <canopy/core/kernels/neuron_forest.hpp>
#include <canopy/core/kernels/neuron_tree.hpp>

#include "support/normal.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(tree_inference)

namespace {

Tensor uniform(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(3, purpose).fill_uniform(x.mutable_elements(), -1.f, 1.f);
  return x;
}

struct Problem {
  std::int64_t inputs, width, outputs;
  int depth;
  Activation activation;

  std::int64_t leaves() const { return std::int64_t{1} << depth; }
  Tensor nodes = uniform({leaves() - 1, inputs}, "nodes"), biases = uniform({leaves() - 1}, "biases");
  Tensor w1 = uniform({leaves(), width, inputs}, "w1"), b1 = uniform({leaves(), width}, "b1");
  Tensor w2 = uniform({leaves(), width, outputs}, "w2"), b2 = uniform({leaves(), outputs}, "b2");

  struct Result {
    Indices leaf;
    Tensor y;
  };
  Result infer(const float* x, std::int64_t batch) const {
    Result result{Indices({batch}), Tensor({batch, outputs})};
    kernels::hard_inference({inputs, depth, nodes.data(), biases.data()},
                            {inputs, width, outputs, w1.data(), b1.data(), w2.data(), b2.data(), activation}, x, batch,
                            result.leaf.mutable_data(), result.y.mutable_data());
    return result;
  }
};

double dot(const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

double activate(Activation activation, double x) {
  return activation == Activation::gelu ? x * 0.5 * std::erfc(-x / std::sqrt(2.0)) : std::max(x, 0.0);
}

// Whether the row's logits lead to `leaf`; a logit near 0 may go either way.
bool leads_to(const Problem& p, const float* x, std::int32_t leaf) {
  std::int64_t node = 0;
  for (int level = 0; level < p.depth; ++level) {
    const bool right = (leaf >> (p.depth - 1 - level) & 1) != 0;
    const double z = p.biases.data()[node] + dot(x, p.nodes.data() + node * p.inputs, p.inputs);
    if (std::abs(z) > 1e-5 && right != (z > 0)) return false;
    node = 2 * node + (right ? 2 : 1);
  }
  return true;
}

std::vector<double> answer_of_leaf(const Problem& p, const float* x, std::int64_t leaf) {
  const float* b2 = p.b2.data() + leaf * p.outputs;
  std::vector<double> y(b2, b2 + p.outputs);
  for (std::int64_t j = 0; j < p.width; ++j) {
    const std::int64_t neuron = leaf * p.width + j;
    const double h = activate(p.activation, p.b1.data()[neuron] + dot(x, p.w1.data() + neuron * p.inputs, p.inputs));
    const float* w2 = p.w2.data() + neuron * p.outputs;
    for (std::int64_t o = 0; o < p.outputs; ++o) y[static_cast<std::size_t>(o)] += h * w2[o];
  }
  return y;
}

std::vector<Problem> problems(std::int64_t outputs) {
  std::vector<Problem> all;
  for (const int depth : {0, 1, 4, 12}) {
    all.push_back({.inputs = 21, .width = 1, .outputs = outputs, .depth = depth, .activation = Activation::relu});
    all.push_back({.inputs = 40, .width = 3, .outputs = outputs, .depth = depth, .activation = Activation::gelu});
  }
  all.push_back({.inputs = 500, .width = 19, .outputs = outputs, .depth = 2, .activation = Activation::relu});
  return all;
}

// Of the quickest of some calls, in microseconds.
double quickest(const std::function<void()>& work) {
  double best = 1e9;
  for (int call = 0; call < 50; ++call) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count());
  }
  return best;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_row_gets_the_answer_of_its_leaf) {
  for (const std::int64_t outputs : {1, 10, 63, 64, 65, 768}) {
    for (const Problem& p : problems(outputs)) {
      for (const std::int64_t batch : {0, 1, 2, 16, 300}) {
        const Tensor x = test::normal({batch, p.inputs});
        const Problem::Result found = p.infer(x.data(), batch);
        double worst = 0;
        for (std::int64_t b = 0; b < batch; ++b) {
          const float* row = x.data() + b * p.inputs;
          const std::int32_t leaf = found.leaf.data()[b];
          BOOST_TEST_REQUIRE((leaf >= 0 && leaf < p.leaves()));
          BOOST_TEST_REQUIRE(leads_to(p, row, leaf));
          const std::vector<double> expected = answer_of_leaf(p, row, leaf);
          for (std::int64_t o = 0; o < outputs; ++o) {
            const double error = found.y.data()[b * outputs + o] - expected[static_cast<std::size_t>(o)];
            worst = std::max(worst, std::isnan(error) ? 1. : std::abs(error));
          }
        }
        BOOST_TEST(worst < 2e-4, outputs << " outputs, depth " << p.depth << ", width " << p.width << ", batch "
                                         << batch << ": off by " << worst);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(neither_neighbours_nor_threads_change_a_bit) {
  for (const std::int64_t outputs : {10, 63, 64, 768}) {
    for (const Problem& p : problems(outputs)) {
      const std::int64_t batch = 300;
      const Tensor x = test::normal({batch, p.inputs});
      const Tensor y = test::same_bits_on_any_threads([&] { return std::vector{p.infer(x.data(), batch).y}; }).front();
      for (const std::int64_t few : {1, 2, 16}) {
        for (std::int64_t b = 0; b + few <= batch; b += 37) {
          const Tensor alone = p.infer(x.data() + b * p.inputs, few).y;
          BOOST_TEST(std::equal(alone.data(), alone.data() + alone.size(), y.data() + b * outputs));
        }
      }
    }
  }
}

// A place for every group that is cleared or summed takes ten or a hundred times what few rows take.
BOOST_AUTO_TEST_CASE(few_rows_do_not_pay_for_all_leaves) {
  const ThreadGuard guard(1);
  const std::int64_t inputs = 4, outputs = 64;
  const int deep = 17, shallow = 6;
  const auto leaves = [=](int depth) { return Problem{inputs, 1, outputs, depth, Activation::relu}; };
  const Problem few_leaves = leaves(shallow), many_leaves = leaves(deep);
  for (const std::int64_t batch : {1, 16, 64}) {
    const Tensor x = test::normal({batch, inputs});
    Indices leaf({batch});
    std::iota(leaf.mutable_data(), leaf.mutable_data() + batch, 0);
    std::vector<std::int32_t> order(static_cast<std::size_t>(batch));
    const auto scaled = [&](int depth) {  // to leaves that spread over all
      Indices spread = leaf.clone();
      for (std::int32_t& i : spread.mutable_elements()) i <<= depth - shallow;
      return spread;
    };
    const auto forest = [&](const Problem& p) {  // the numbers of w2 serve as both weights of 16 neurons a leaf
      const int depth = p.depth + 3;
      Tensor z({batch, depth + 1}), a(z.shape()), y({batch, inputs});
      Indices bottom({batch});
      kernels::forest_forward({inputs, inputs, 1, depth, Activation::relu, p.w2.data(), nullptr, p.w2.data()}, x.data(),
                              batch, bottom.mutable_data(), z.mutable_data(), a.mutable_data(), y.mutable_data());
    };
    const std::vector<std::pair<const char*, std::function<void(const Problem&)>>> parts = {
        {"hard_inference", [&](const Problem& p) { p.infer(x.data(), batch); }},
        {"forest_forward", forest},
        {"sort_by_group",
         [&](const Problem& p) { kernels::sort_by_group(scaled(p.depth).data(), batch, p.leaves(), order.data()); }},
        {"group_items", [&](const Problem& p) { kernels::group_items(scaled(p.depth).data(), batch, p.leaves()); }},
        {"SortedPaths", [&](const Problem& p) { kernels::SortedPaths(p.depth, scaled(p.depth).data(), batch); }}};
    for (const auto& [name, part] : parts) {
      const double shallow_time = quickest([&, &run = part] { run(few_leaves); });
      const double deep_time = quickest([&, &run = part] { run(many_leaves); });
      // Depth itself makes up to 3 of it, memory behind the caches as much.
      BOOST_TEST(deep_time < 20 * shallow_time + 2,
                 name << ", batch " << batch << ": " << deep_time << " us where a shallow tree takes " << shallow_time);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
