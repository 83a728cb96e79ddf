#include <canopy/nn/routed/tree_initialisation.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/reductions.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/routed/routing_trace.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

using kernels::dot;
using Rows = std::span<std::int64_t>;

// The direction between the two clusters of `rows`; all zeros where they cannot be told apart.
std::vector<float> two_means(const Tensor& samples, Rows rows, int iterations, RandomStream& random) {
  const std::int64_t inputs = samples.extent(1);
  const auto row = [&](std::int64_t r) { return samples.data() + r * inputs; };
  std::uniform_int_distribution<std::size_t> any(0, rows.size() - 1);
  const std::size_t first = any(random);
  std::size_t second = any(random);
  const auto distance = [&](std::size_t i) {
    double sum = 0;
    for (std::int64_t k = 0; k < inputs; ++k) {
      const double difference = row(rows[i])[k] - row(rows[first])[k];
      sum += difference * difference;
    }
    return sum;
  };
  if (distance(second) == 0) {
    std::vector<double> distances(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) distances[i] = distance(i);
    second = static_cast<std::size_t>(std::ranges::max_element(distances) - distances.begin());
  }
  std::vector<float> low(row(rows[first]), row(rows[first]) + inputs);
  std::vector<float> high(row(rows[second]), row(rows[second]) + inputs);
  std::vector<float> direction(static_cast<std::size_t>(inputs));
  for (int iteration = 0; iteration < iterations; ++iteration) {
    // |x - low|^2 > |x - high|^2  <=>  x . (high - low) > (|high|^2 - |low|^2) / 2
    for (std::size_t i = 0; i < direction.size(); ++i) direction[i] = high[i] - low[i];
    const double middle = (dot(high.data(), high.data(), inputs) - dot(low.data(), low.data(), inputs)) / 2;
    std::vector<float> sums[2] = {std::vector<float>(direction.size()), std::vector<float>(direction.size())};
    std::int64_t counts[2] = {0, 0};
    for (const std::int64_t r : rows) {
      const int side = dot(row(r), direction.data(), inputs) > middle ? 1 : 0;
      ++counts[side];
      for (std::size_t i = 0; i < direction.size(); ++i) sums[side][i] += row(r)[i];
    }
    if (counts[0] == 0 || counts[1] == 0) break;
    for (std::size_t i = 0; i < direction.size(); ++i) {
      low[i] = sums[0][i] / static_cast<float>(counts[0]);
      high[i] = sums[1][i] / static_cast<float>(counts[1]);
    }
  }
  for (std::size_t i = 0; i < direction.size(); ++i) direction[i] = high[i] - low[i];
  return direction;
}

// Sets one node's boundary and sorts `rows` into left and right children; returns where the right ones begin.
std::size_t split(const Tensor& samples, Rows rows, const TreeInitialisationOptions& options, RandomStream& random,
                  float* weights, float* bias) {
  const std::int64_t inputs = samples.extent(1);
  const auto projection = [&](std::int64_t r, const float* w) { return dot(samples.data() + r * inputs, w, inputs); };
  if (rows.size() >= 2) {
    std::vector<float> direction = two_means(samples, rows, options.iterations, random);
    double sum = 0;
    double squares = 0;
    for (const std::int64_t r : rows) {
      const double v = projection(r, direction.data());
      sum += v;
      squares += v * v;
    }
    const auto n = static_cast<double>(rows.size());
    const double deviation = std::sqrt(std::max(squares / n - sum / n * (sum / n), 0.0));
    // Beside their common part: samples may be of any scale.
    if (deviation > 1e-6 * std::sqrt(squares / n)) {
      std::transform(direction.begin(), direction.end(), weights,
                     [&](float v) { return v * options.spread / static_cast<float>(deviation); });
      std::vector<double> projections;
      for (const std::int64_t r : rows) projections.push_back(projection(r, weights));
      const auto median = projections.begin() + static_cast<std::ptrdiff_t>(projections.size() / 2);
      std::nth_element(projections.begin(), median, projections.end());
      // Half-way between the middle two: a boundary through a sample would leave its side to rounding.
      const double below = *std::max_element(projections.begin(), median);
      *bias = -static_cast<float>((below + *median) / 2);
    }
  }
  const auto right = std::stable_partition(rows.begin(), rows.end(),
                                           [&](std::int64_t r) { return projection(r, weights) + *bias < 0; });
  return static_cast<std::size_t>(right - rows.begin());
}

// Evaluation mode of a model for its own lifetime; then each module has the mode that it had.
class Evaluating {
 public:
  explicit Evaluating(Module& model) {
    model.for_each_module([this](Module& module) { modes_.emplace_back(&module, module.is_training()); });
    model.eval();
  }
  ~Evaluating() {
    for (const auto& [module, training] : modes_) training ? module->train() : module->eval();  // parents first
  }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> modes_;
};

}  // namespace

void initialise_tree(FFF& layer, const Tensor& samples, const TreeInitialisationOptions& options) {
  const std::int64_t inputs = layer.options().inputs;
  if (samples.rank() != 2 || samples.extent(1) != inputs) {
    throw ShapeError(
        fmt::format("initialise_tree: samples [n, {}] are needed, not {}", inputs, samples.shape().to_string()));
  }
  if (options.iterations < 1 || !(options.spread > 0.f)) {
    throw ConfigError(fmt::format("initialise_tree: iterations ({}) and spread ({}) must be positive",
                                  options.iterations, options.spread));
  }
  RandomStream& random = random_stream("tree initialisation");
  float* weights = layer.node_weights().mutable_value().mutable_data();
  float* biases = layer.node_biases().mutable_value().mutable_data();
  std::vector<std::int64_t> order(static_cast<std::size_t>(samples.extent(0)));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  std::vector<Rows> level = {Rows(order)};
  for (std::int64_t node = 0; node < layer.nodes();) {
    std::vector<Rows> below;
    for (const Rows rows : level) {
      const std::size_t right = split(samples, rows, options, random, weights + node * inputs, biases + node);
      below.push_back(rows.first(right));
      below.push_back(rows.subspan(right));
      ++node;
    }
    level = std::move(below);
  }
}

void initialise_trees(Layer& model, const Tensor& samples, const TreeInitialisationOptions& options) {
  const Evaluating evaluating(model);
  for (FFF* tree : soft_trees(model)) {
    const NoRecord pause;
    const RoutingTrace trace({.inputs = true});
    model.forward(samples);
    initialise_tree(*tree, trace.at(*tree).inputs, options);
  }
}

}  // namespace canopy::nn
