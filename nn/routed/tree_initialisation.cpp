#include <canopy/nn/routed/tree_initialisation.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/reductions.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/routed/routing_trace.hpp>
#include <canopy/nn/routed/two_means.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

using Rows = std::span<std::int64_t>;

// The samples, and the same over 2^exponent with magnitudes up to 1: clusters are looked for there, whatever the scale.
struct Scaled {
  const Tensor& samples;
  int exponent = 0;
  Tensor unit;

  explicit Scaled(const Tensor& x) : samples(x), unit(x.shape()) {
    float largest = 0;
    for (const float v : x.elements()) {
      if (!std::isfinite(v)) throw Error("initialise_tree: the samples hold a value that is not finite");
      largest = std::max(largest, std::abs(v));
    }
    std::frexp(largest, &exponent);
    const double factor = std::ldexp(1.0, -exponent);
    std::ranges::transform(x.elements(), unit.mutable_elements().begin(),
                           [&](float v) { return static_cast<float>(v * factor); });
  }
};

double standard_deviation(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / n);
}

// Half-way between the two distinct neighbours that are nearest to the median, since a boundary through a sample would
// leave its side to rounding; the common value where all are equal.
double boundary_near_median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto median = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  const auto [equal, above] = std::equal_range(values.begin(), values.end(), *median);
  const bool below_it = equal != values.begin() && (above == values.end() || median - equal <= above - median);
  if (!below_it && above == values.end()) return *median;
  const auto upper = below_it ? equal : above;
  return std::midpoint(*(upper - 1), *upper);
}

// f(x) for the samples x of the rows.
template <typename Function>
std::vector<double> of_each(const Tensor& samples, std::span<const std::int64_t> rows, const Function& f) {
  std::vector<double> values(rows.size());
  std::ranges::transform(rows, values.begin(), [&](std::int64_t row) { return f(row_of(samples, row)); });
  return values;
}

// Sets `weights` across the two clusters of `rows`, or leaves them and returns false where all rows are one.
bool set_direction(const Scaled& scaled, Rows rows, const TreeInitialisationOptions& options, RandomStream& random,
                   std::span<float> weights) {
  if (rows.size() < 2) return false;
  const Bisector bisector = two_means(scaled.unit, rows, options.iterations, random);
  const double deviation =
      standard_deviation(of_each(scaled.unit, rows, [&](std::span<const float> x) { return bisector.height(x); }));
  if (deviation == 0) return false;
  constexpr double largest = std::numeric_limits<float>::max();
  const double factor = std::ldexp(options.spread / deviation, -scaled.exponent);
  std::ranges::transform(bisector.normal, weights.begin(),
                         [&](float v) { return static_cast<float>(std::clamp(v * factor, -largest, largest)); });
  return true;
}

// Moves the rows whose logit is negative before the others, each in their order; returns where the others begin.
std::size_t sort_by_side(Rows rows, std::span<const double> projections, float bias) {
  std::vector<std::int64_t> right;
  auto left = rows.begin();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (projections[i] + bias < 0) {
      *left++ = rows[i];
    } else {
      right.push_back(rows[i]);
    }
  }
  std::ranges::copy(right, left);
  return static_cast<std::size_t>(left - rows.begin());
}

// Sets one node's boundary and sorts `rows` into left and right children; returns where the right ones begin.
std::size_t split(const Scaled& scaled, Rows rows, const TreeInitialisationOptions& options, RandomStream& random,
                  std::span<float> weights, float& bias) {
  const bool found = set_direction(scaled, rows, options, random, weights);
  const std::vector<double> projections = of_each(scaled.samples, rows, [&](std::span<const float> x) {
    return kernels::dot(x.data(), weights.data(), std::ssize(weights));
  });
  if (found) bias = -static_cast<float>(boundary_near_median(projections));
  return sort_by_side(rows, projections, bias);
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
  const Scaled scaled(samples);
  const std::span<float> weights = layer.node_weights().mutable_value().mutable_elements();  // [nodes, inputs]
  const std::span<float> biases = layer.node_biases().mutable_value().mutable_elements();
  std::vector<std::int64_t> order(static_cast<std::size_t>(samples.extent(0)));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::vector<Rows> level = {Rows(order)};
  const auto width = static_cast<std::size_t>(inputs);
  for (std::size_t node = 0; node < biases.size();) {
    std::vector<Rows> below;
    for (const Rows rows : level) {
      const std::size_t right =
          split(scaled, rows, options, random, weights.subspan(node * width, width), biases[node]);
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
