#include <canopy/experiments/benchmark/layer_scaling.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <canopy/canopy.hpp>
#include <canopy/experiments/benchmark/data.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {
namespace {

constexpr std::int64_t width = 768;  // of BERT-base, in and out
constexpr std::int64_t batch = 256;
constexpr std::int64_t leaf_width = 32;
constexpr int deepest = 15;
constexpr double paper_factor = 220;  // paper 1's largest claim
constexpr int widest_ff = 12;  // 2^12 leaves' width; a product of a quarter of a million neurons says nothing new

constexpr double bytes_of(std::int64_t floats) { return 4. * static_cast<double>(floats); }
constexpr std::int64_t io = 2 * batch * width;                        // inputs and outputs
constexpr std::int64_t piece = leaf_width * (2 * width + 1) + width;  // a leaf or an expert

// What a pass of a tree reads: the nodes on the rows' paths and the leaves at their ends.
struct Touched {
  std::int64_t leaves = 0;
  std::int64_t nodes = 0;

  Touched(const Indices& leaf, int depth) {
    std::set<std::int64_t> places;
    for (const std::int32_t i : leaf.elements()) {
      for (std::int64_t k = (std::int64_t{1} << depth) - 1 + i; k > 0; k = (k - 1) / 2) places.insert(k);
    }
    const std::int64_t first_leaf = (std::int64_t{1} << depth) - 1;
    leaves = std::ranges::count_if(places, [&](std::int64_t k) { return k >= first_leaf; });
    nodes = static_cast<std::int64_t>(places.size()) - leaves + 1;  // and the root
  }
  double bytes() const { return bytes_of(leaves * piece + nodes * (width + 1) + io); }
};

Row make_row(std::string name, const Timing& timing, std::int64_t neurons, std::int64_t touched, double bytes) {
  return {.name = std::move(name),
          .batch = batch,
          .timing = timing,
          .more = {{"neurons", neurons},
                   {"touched", touched},
                   {"megabytes", rounded(bytes / 1e6)},
                   {"gb_per_s", rounded(bytes / timing.milliseconds / 1e6)},
                   {"moe_over_own", nullptr}}};
}

// The layers of one size, `pieces` = 2^depth leaves or experts, timed alternately and freed before the next.
void add_size(std::vector<Row>& rows, const BenchOptions& options, const Batches& batches, int depth) {
  const std::int64_t pieces = std::int64_t{1} << depth, neurons = leaf_width * pieces;
  const std::string ff_name = fmt::format("ff width {}", neurons), moe_name = fmt::format("moe experts {}", pieces),
                    fff_name = fmt::format("fff depth {}", depth);
  const bool wanted = options.selects(ff_name) || options.selects(moe_name) || options.selects(fff_name);
  if (!wanted) return;

  std::vector<Candidate> candidates;
  std::unique_ptr<nn::FeedForward> ff;
  if (depth <= widest_ff) {
    ff = std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = width, .width = neurons, .outputs = width});
    ff->eval();
    candidates.push_back({ff_name, batches.each([&](const Tensor& x) { ff->forward(x); })});
  }
  nn::MoE moe({.inputs = width, .outputs = width, .experts = pieces, .expert_width = leaf_width, .noise = false});
  moe.eval();
  candidates.push_back({moe_name, batches.each([&](const Tensor& x) { moe.forward(x); })});
  nn::FFF fff({.inputs = width, .outputs = width, .depth = depth, .leaf_width = leaf_width});
  fff.eval();
  candidates.push_back({fff_name, batches.each([&](const Tensor& x) { fff.forward(x); })});

  const std::vector<Timing> times = time_alternately(candidates, options.timer(depth >= 9 ? 7 : 15));
  const Timing &moe_time = times[times.size() - 2], &fff_time = times.back();
  std::vector<Row> all;
  if (ff) {
    all.push_back(make_row(ff_name, times[0], neurons, pieces, bytes_of(neurons * (2 * width + 1) + width + io)));
  }
  const Indices experts = moe.infer(batches.all().front()).experts;
  const std::int64_t touched = std::ssize(std::set(experts.elements().begin(), experts.elements().end()));
  all.push_back(make_row(moe_name, moe_time, neurons, touched, bytes_of(pieces * width + touched * piece + io)));
  const Touched tree(fff.infer(batches.all().front()).leaf, depth);
  all.push_back(make_row(fff_name, fff_time, neurons, tree.leaves, tree.bytes()));
  all.back().more["moe_over_own"] = rounded(moe_time.milliseconds / fff_time.milliseconds);
  for (Row& row : all) {
    if (ff) row.baseline = times[0];
    if (options.selects(row.name)) rows.push_back(std::move(row));
  }
}

std::vector<Row> run(const BenchOptions& options) {
  manual_seed(0);
  const Batches batches(batch, width, 64 * batch);
  std::vector<Row> rows;
  for (int depth = 1; depth <= deepest; ++depth) add_size(rows, options, batches, depth);
  return rows;
}

// Slope of the least-squares line through the points.
double slope(const std::vector<std::pair<double, double>>& points) {
  double x = 0, y = 0, xx = 0, xy = 0;
  const auto n = static_cast<double>(points.size());
  for (const auto& [a, b] : points) {
    x += a / n;
    y += b / n;
  }
  for (const auto& [a, b] : points) {
    xx += (a - x) * (a - x);
    xy += (a - x) * (b - y);
  }
  return xy / xx;
}

// How times grow, over the rows that were run: time ~ width^e by a line through the logarithms from 1024 neurons on,
// and a tree's milliseconds a level from depth 10 on.
Json summarise(const std::vector<Row>& rows) {
  std::vector<std::pair<double, double>> ff, moe, tree;
  std::map<std::int64_t, double> deep;
  std::optional<std::string> passed;
  double last_ratio = 0, last_neurons = 0;
  for (const Row& row : rows) {
    const auto neurons = row.more.at("neurons").get<double>();
    const double ms = row.timing.milliseconds;
    const std::pair logarithms{std::log(neurons), std::log(ms)};
    if (neurons >= 1024 && row.name.starts_with("ff ")) ff.push_back(logarithms);
    if (neurons >= 1024 && row.name.starts_with("moe ")) moe.push_back(logarithms);
    if (!row.name.starts_with("fff ")) continue;
    const std::int64_t depth = std::lround(std::log2(neurons / leaf_width));
    if (depth >= 10) {
      tree.emplace_back(static_cast<double>(depth), ms);
      deep[depth] = ms;
    }
    if (!row.baseline) continue;
    const double ratio = row.baseline->milliseconds / ms;
    if (ratio >= paper_factor && !passed) {  // between two sizes, on the line through the logarithms
      const double part = last_ratio > 0 ? std::log(paper_factor / last_ratio) / std::log(ratio / last_ratio) : 1;
      const double at = last_ratio > 0 ? last_neurons * std::pow(neurons / last_neurons, part) : neurons;
      passed = fmt::format("width {:.0f}", at);
    }
    last_ratio = ratio;
    last_neurons = neurons;
  }
  Json summary = Json::object();
  if (ff.size() > 1) summary["ff time grows with width to the power"] = rounded(slope(ff));
  if (moe.size() > 1) summary["moe time grows with width to the power"] = rounded(slope(moe));
  if (tree.size() > 1) summary["fff milliseconds a level from depth 10 on"] = rounded(slope(tree));
  if (deep.contains(10) && deep.contains(15)) {
    summary["fff time at depth 15 over depth 10 (depth itself: 1.5)"] = rounded(deep[15] / deep[10]);
  }
  if (last_ratio > 0) summary["ff / fff passes 220 at"] = passed.value_or("no width measured");
  return summary;
}

}  // namespace

Benchmark layer_scaling() {
  return {.name = "layer-scaling",
          .description =
              "layers 768 to 768 as they grow: feedforward by width, experts by number, fast "
              "feedforward by depth",
          .run = run,
          .summarise = summarise};
}

}  // namespace canopy::benchmark
