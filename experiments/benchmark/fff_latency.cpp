#include <canopy/experiments/benchmark/fff_latency.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <canopy/canopy.hpp>
#include <canopy/experiments/benchmark/data.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {
namespace {

constexpr std::int64_t inputs = 32;
constexpr std::int64_t leaf_width = 1;
constexpr std::int64_t few_rows = 256, many_rows = 1 << 16;  // that calls take in turn
constexpr std::int64_t rows_a_sample = 8;                    // or one call
constexpr int warm_up = few_rows / rows_a_sample;            // samples

// Rows in turn, copied to where a sample's calls read them.
class Callers {
 public:
  Callers(std::int64_t rows, std::int64_t batch) : rows_(normal({rows, inputs}, "benchmark data")) {
    for (std::int64_t row = 0; row < rows_a_sample; row += batch) calls_.emplace_back(Shape{batch, inputs});
  }
  const std::vector<Tensor>& next() {
    for (Tensor& x : calls_) {
      std::copy_n(rows_.data() + at_, x.size(), x.mutable_data());
      at_ = (at_ + x.size()) % rows_.size();
    }
    return calls_;
  }

 private:
  Tensor rows_;
  std::vector<Tensor> calls_;
  std::int64_t at_ = 0;
};

// Milliseconds of a call in each sample, sorted, by layer; the layers take turns. A sample is too short for the clock
// of processors: all of them together tell whether the process waited.
struct CallTimes {
  std::vector<std::vector<double>> layers;
  double waited = 0, neighbours = 0;

  Timing timing(std::size_t layer) const {
    Timing timing = timing_of(layers[layer]);
    timing.noise = noise({.spread = timing.spread / timing.milliseconds, .waited = waited, .neighbours = neighbours});
    return timing;
  }
};

CallTimes call_times(const std::vector<const nn::Layer*>& layers, Callers callers, int samples) {
  std::vector<std::vector<double>> times(layers.size());
  const Neighbours neighbours;
  const Stopwatch watch;
  for (int sample = -warm_up; sample < samples; ++sample) {
    const std::vector<Tensor>& calls = callers.next();
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto begin = std::chrono::steady_clock::now();
      for (const Tensor& x : calls) layers[i]->forward(x);
      const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
      if (sample >= 0) times[i].push_back(time.count() / static_cast<double>(calls.size()));
    }
  }
  const Sample whole = watch.read();
  for (std::vector<double>& each : times) std::ranges::sort(each);
  return {std::move(times), waited({whole}), neighbours.share()};
}

void add_tree(std::vector<Row>& rows, const BenchOptions& options, int depth, std::int64_t outputs) {
  const std::string name = fmt::format("fff depth {} outputs {}", depth, outputs);
  if (!options.selects(name)) return;
  const int samples = options.timer(4096).repetitions;
  if (options.progress) options.progress({{name, {}}}, 0, samples);
  nn::FFF tree({.inputs = inputs, .outputs = outputs, .depth = depth, .leaf_width = leaf_width});
  nn::FeedForward dense({.inputs = inputs, .width = depth + leaf_width, .outputs = outputs});
  tree.eval();
  dense.eval();
  for (const std::int64_t batch : {1, 16}) {
    const auto times = call_times({&tree, &dense}, Callers(few_rows, batch), samples);
    const auto cold = call_times({&tree}, Callers(many_rows, batch), samples);
    rows.push_back({.name = name,
                    .batch = batch,
                    .timing = times.timing(0),
                    .baseline = times.timing(1),
                    .more = {{"p99", rounded(quantile(times.layers[0], 0.99), 6)},
                             {"cold", rounded(quantile(cold.layers[0], 0.5), 6)},
                             {"leaves", tree.leaves()}}});
  }
}

std::vector<Row> run(const BenchOptions& options) {
  manual_seed(0);
  std::vector<Row> rows;
  for (const int depth : {4, 8, 12, 16, 18}) {
    for (const std::int64_t outputs : {10, 64, 768}) add_tree(rows, options, depth, outputs);
  }
  return rows;
}

}  // namespace

Benchmark fff_latency() {
  return {.name = "fff-latency",
          .description =
              "single calls of deep fast feedforward layers beside the feedforward layer of their inference size",
          .run = run};
}

}  // namespace canopy::benchmark
