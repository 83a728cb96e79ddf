#include <canopy/experiments/benchmark/tree_inference.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <canopy/canopy.hpp>
#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/gemm.hpp>
#include <canopy/core/kernels/linear.hpp>
#include <canopy/core/kernels/neuron_forest.hpp>
#include <canopy/experiments/benchmark/data.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {
namespace {

constexpr std::int64_t width = 768;  // of BERT-base
constexpr int depth = 11;
constexpr std::int64_t levels = depth + 1;
constexpr std::int64_t neurons = 4095;

Tensor uniform(const Shape& shape, float bound, const char* purpose) {
  Tensor x(shape);
  RandomStream(0, purpose).fill_uniform(x.mutable_elements(), -bound, bound);
  return x;
}

// What all of them compute with: weights as the layer has them, [neurons, width] on both sides, no bias as in the
// paper's benchmark.
struct Weights {
  Tensor in = uniform({neurons, width}, 0.036f, "input weights");
  Tensor out = uniform({neurons, width}, 0.29f, "output weights");

  kernels::NeuronForest tree() const {
    return {width, width, 1, depth, Activation::gelu, in.data(), nullptr, out.data()};
  }
};

// sgemm, vectorised GELU on each block of the product while it is in the cache, sgemm.
class DenseByGemm {
 public:
  DenseByGemm(const Weights& weights, std::int64_t hidden, std::int64_t batch)
      : weights_(weights), hidden_({batch, hidden}), y_({batch, width}) {}
  void operator()(const Tensor& x) {
    const std::int64_t batch = x.extent(0), n = hidden_.extent(1);
    float* h = hidden_.mutable_data();
    kernels::linear_forward(batch, width, n, x.data(), weights_.in.data(), nullptr, Activation::gelu, h);
    kernels::gemm({h, batch, n}, {weights_.out.data(), n, width}, {y_.mutable_data(), batch, width});
  }

 private:
  const Weights& weights_;
  Tensor hidden_, y_;
};

// A row at a time by BLAS of level 1 (dot, axpy) or 2 (gemv).
class DenseByRow {
 public:
  DenseByRow(const Weights& weights, bool by_gemv) : weights_(weights), by_gemv_(by_gemv) {}
  void operator()(const Tensor& x) {
    Tensor y({x.extent(0), width});
    float* h = hidden_.mutable_data();
    for (std::int64_t b = 0; b < x.extent(0); ++b) {
      const float* row = x.data() + b * width;
      float* out = y.mutable_data() + b * width;
      if (by_gemv_) {
        kernels::blas_gemv(kernels::Op::none, neurons, width, weights_.in.data(), row, h);
        kernels::gelu(h, h, neurons);
        kernels::blas_gemv(kernels::Op::transpose, neurons, width, weights_.out.data(), h, out);
        continue;
      }
      for (std::int64_t i = 0; i < neurons; ++i) h[i] = kernels::blas_dot(width, row, weights_.in.data() + i * width);
      kernels::gelu(h, h, neurons);
      std::fill_n(out, width, 0.f);
      for (std::int64_t i = 0; i < neurons; ++i) kernels::blas_axpy(width, h[i], weights_.out.data() + i * width, out);
    }
  }

 private:
  const Weights& weights_;
  bool by_gemv_;
  Tensor hidden_ = Tensor({neurons});
};

// The tree as the layer runs it (all rows at once), or a row at a time.
class Tree {
 public:
  Tree(const Weights& weights, bool by_row) : tree_(weights.tree()), by_row_(by_row) {}
  Indices operator()(const Tensor& x) const {
    const std::int64_t batch = x.extent(0);
    Tensor z({batch, levels}), a({batch, levels}), y({batch, width});
    Indices bottom({batch});
    std::int32_t* to = bottom.mutable_data();
    float *pz = z.mutable_data(), *pa = a.mutable_data(), *py = y.mutable_data();
    if (!by_row_) kernels::forest_forward(tree_, x.data(), batch, to, pz, pa, py);
    for (std::int64_t b = 0; by_row_ && b < batch; ++b) {
      kernels::forest_forward(tree_, x.data() + b * width, 1, to + b, pz + b * levels, pa + b * levels, py + b * width);
    }
    return bottom;
  }

 private:
  kernels::NeuronForest tree_;
  bool by_row_;
};

// Level by level over all rows with dot and axpy: the order of the paper's level 1 code.
void tree_by_level(const Weights& weights, const Tensor& x) {
  const std::int64_t batch = x.extent(0);
  Tensor z({batch}), a({batch}), y({batch, width}, 0.f);
  Indices nodes({batch}, 0);
  float *pz = z.mutable_data(), *pa = a.mutable_data(), *py = y.mutable_data();
  std::int32_t* node = nodes.mutable_data();
  for (std::int64_t level = 0; level < levels; ++level) {
    for (std::int64_t b = 0; b < batch; ++b) {
      pz[b] = kernels::blas_dot(width, x.data() + b * width, weights.in.data() + node[b] * width);
    }
    kernels::gelu(pz, pa, batch);
    for (std::int64_t b = 0; b < batch; ++b) {
      kernels::blas_axpy(width, pa[b], weights.out.data() + node[b] * width, py + b * width);
      node[b] = 2 * node[b] + 1 + (pz[b] > 0.f ? 1 : 0);
    }
  }
}

// How the rows of all batches spread over the ends of the paths: a collapsed path would sit in the cache and look fast.
struct Spread {
  std::int64_t used = 0;
  double largest_load = 0;  // percent

  Spread(const Tree& tree, const Batches& batches) {
    std::vector<std::int64_t> rows(std::size_t{1} << depth);
    std::int64_t total = 0;
    for (const Tensor& x : batches.all()) {
      const Indices bottom = tree(x);
      for (const std::int32_t b : bottom.elements()) ++rows[static_cast<std::size_t>(b)];
      total += bottom.size();
    }
    used = std::ranges::count_if(rows, [](std::int64_t n) { return n > 0; });
    largest_load = 100. * static_cast<double>(std::ranges::max(rows)) / static_cast<double>(total);
  }
};

// All rows of one batch size. `same primitives` are the dense layer's that the paper's column divides by.
void add_rows(std::vector<Row>& rows, const BenchOptions& options, const Weights& weights, std::int64_t batch) {
  const Batches batches(batch, width, 4096);
  const int repetitions = batch >= 16384 ? 5 : batch >= 2048 ? 9 : 15;
  DenseByGemm dense(weights, neurons, batch), dense_3072(weights, 3072, batch), dense_12(weights, levels, batch);
  DenseByRow by_dot(weights, false), by_gemv(weights, true);
  const Tree by_row(weights, true), grouped(weights, false);
  const auto timer = [&](int most) { return options.timer(std::min(repetitions, most)); };
  const std::vector<Candidate> quick = {
      {"dense-4095", batches.each([&](const Tensor& x) { dense(x); })},
      {"dense-3072", batches.each([&](const Tensor& x) { dense_3072(x); })},
      {"dense-12", batches.each([&](const Tensor& x) { dense_12(x); })},
      {"tree-row", batches.each([&](const Tensor& x) { by_row(x); })},
      {"tree-level", batches.each([&](const Tensor& x) { tree_by_level(weights, x); })},
      {"tree-grouped", batches.each([&](const Tensor& x) { grouped(x); })}};
  const std::vector<Candidate> slow = {{"dense-4095-dot", batches.each([&](const Tensor& x) { by_dot(x); })},
                                       {"dense-4095-gemv", batches.each([&](const Tensor& x) { by_gemv(x); })}};
  const auto wanted = [&](const std::vector<Candidate>& candidates) {
    return std::ranges::any_of(candidates, [&](const Candidate& c) { return options.selects(c.name); });
  };
  if (!wanted(quick) && !wanted(slow) && !options.selects("limit")) return;
  const std::vector<Timing> quick_times = time_alternately(quick, timer(15));
  // Passes of seconds: three of each do.
  std::vector<Timing> slow_times(slow.size());
  const bool with_slow = wanted(slow) || options.only.empty();
  if (with_slow) slow_times = time_alternately(slow, timer(batch >= 2048 ? 3 : 7));

  const double gemm = quick_times[0].milliseconds;
  const Spread spread(grouped, batches);
  const auto add = [&](const Candidate& candidate, const Timing& timing, double same_primitives, bool is_tree) {
    if (!options.selects(candidate.name)) return;
    const auto over = [&](double baseline) {
      return baseline > 0 ? Json(rounded(baseline / timing.milliseconds)) : Json();
    };
    rows.push_back({.name = candidate.name,
                    .batch = batch,
                    .timing = timing,
                    .baseline = quick_times[0],
                    .more = {{"over_same_primitives", over(same_primitives)},
                             {"over_gemv", is_tree && with_slow ? over(slow_times[1].milliseconds) : Json()},
                             {"bottoms_used", is_tree ? Json(spread.used) : Json()},
                             {"largest_load_percent", is_tree ? Json(rounded(spread.largest_load)) : Json()}}});
  };
  add(quick[0], quick_times[0], gemm, false);
  add(quick[1], quick_times[1], gemm, false);
  add(quick[2], quick_times[2], gemm, false);
  if (with_slow) {
    add(slow[0], slow_times[0], slow_times[0].milliseconds, false);
    add(slow[1], slow_times[1], slow_times[1].milliseconds, false);
  }
  add(quick[3], quick_times[3], slow_times[0].milliseconds, true);
  add(quick[4], quick_times[4], slow_times[0].milliseconds, true);
  add(quick[5], quick_times[5], gemm, true);
  const Timing limit{.milliseconds = gemm * static_cast<double>(levels) / static_cast<double>(neurons),
                     .noise = quick_times[0].noise};
  add({"limit", {}}, limit, gemm, false);  // as many multiplications less: 4095 / 12 = 341.25
}

// The paper's family: trees x depth with about 4095 neurons in all.
void add_family(std::vector<Row>& rows, const BenchOptions& options, const Weights& weights) {
  constexpr std::int64_t batch = 2048;
  const std::vector<std::pair<int, int>> family = {{1536, 1}, {512, 2}, {256, 3}, {128, 4}, {64, 5}, {32, 6},
                                                   {16, 7},   {8, 8},   {4, 9},   {2, 10},  {1, 11}};
  const Batches batches(batch, width, 4096);
  DenseByGemm dense(weights, neurons, batch);
  std::vector<std::unique_ptr<nn::TreeFFF>> layers;
  std::vector<Candidate> candidates = {{"dense-4095", batches.each([&](const Tensor& x) { dense(x); })}};
  for (const auto& [trees, tree_depth] : family) {
    const std::string name = fmt::format("tree-{}x{}", trees, tree_depth);
    if (!options.selects(name)) continue;
    layers.push_back(std::make_unique<nn::TreeFFF>(
        nn::TreeFFFOptions{.inputs = width, .outputs = width, .trees = trees, .depth = tree_depth, .bias = false}));
    layers.back()->eval();
    candidates.push_back({name, batches.each([layer = layers.back().get()](const Tensor& x) { layer->forward(x); })});
  }
  if (layers.empty()) return;
  const std::vector<Timing> times = time_alternately(candidates, options.timer(5));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const nn::TreeFFFOptions& shape = layers[i]->options();
    rows.push_back({.name = candidates[i + 1].name,
                    .batch = batch,
                    .timing = times[i + 1],
                    .baseline = times[0],
                    .more = {{"neurons", layers[i]->neurons()}, {"neurons_used", shape.trees * (shape.depth + 1)}}});
  }
}

std::vector<Row> run(const BenchOptions& options) {
  manual_seed(0);
  const Weights weights;
  std::vector<Row> rows;
  for (const std::int64_t batch : {1, 16, 256, 2048, 16384}) add_rows(rows, options, weights, batch);
  add_family(rows, options, weights);
  return rows;
}

}  // namespace

Benchmark tree_inference() {
  return {.name = "tree-inference",
          .description = "paper 2's layer, 12 of 4095 neurons, beside dense layers by BLAS of every level",
          .run = run};
}

}  // namespace canopy::benchmark
