#include <canopy/experiments/benchmark/fff_inference.hpp>

#include <bit>
#include <memory>
#include <set>

#include <canopy/canopy.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {
namespace {

constexpr std::int64_t inputs = 784;
constexpr std::int64_t outputs = 10;
constexpr std::int64_t batch = 2048;  // as in the paper's Table 4

// Inputs are standard normal and parameters as released, so that paths spread over the tree: `leaves_used` shows it.
std::vector<Row> run(const BenchOptions& options) {
  std::vector<Row> rows;
  for (const std::int64_t width : {16, 32, 64, 128}) {
    manual_seed(0);
    Tensor x({batch, inputs});
    RandomStream(0, "benchmark data").fill_normal(x.mutable_elements(), 0.f, 1.f);
    auto ff =
        std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = inputs, .width = width, .outputs = outputs});
    ff->eval();
    const std::string baseline = fmt::format("ff width {}", width);
    std::vector<Candidate> candidates = {{baseline, [&] { ff->forward(x); }}};
    std::vector<std::unique_ptr<nn::FFF>> trees;
    for (const std::int64_t leaf_width : {8, 4, 2, 1}) {
      const std::string name = fmt::format("fff width {} leaf {}", width, leaf_width);
      if (!options.selects(name)) continue;
      trees.push_back(std::make_unique<nn::FFF>(
          nn::FFFOptions{.inputs = inputs,
                         .outputs = outputs,
                         .depth = std::countr_zero(static_cast<std::uint64_t>(width / leaf_width)),
                         .leaf_width = leaf_width}));
      trees.back()->eval();
      candidates.push_back({name, [&x, tree = trees.back().get()] { tree->forward(x); }});
    }
    if (trees.empty() && !options.selects(baseline)) continue;
    const std::vector<Timing> times = time_alternately(candidates, options.timer(31));
    rows.push_back({.name = baseline, .batch = batch, .timing = times[0], .baseline = times[0]});
    for (std::size_t i = 0; i < trees.size(); ++i) {
      const Indices leaf = trees[i]->infer(x).leaf;
      const std::set<std::int32_t> used(leaf.data(), leaf.data() + leaf.size());
      rows.push_back({.name = candidates[i + 1].name,
                      .batch = batch,
                      .timing = times[i + 1],
                      .baseline = times[0],
                      .more = {{"leaves", trees[i]->leaves()}, {"leaves_used", used.size()}}});
    }
  }
  return rows;
}

}  // namespace

Benchmark fff_inference() {
  return {
      .name = "fff-inference",
      .description = "hard inference of a fast feedforward layer beside the feedforward layer of its training width",
      .run = run};
}

}  // namespace canopy::benchmark
