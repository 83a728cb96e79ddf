#include <canopy/nn/routed/tree_fff.hpp>

#include <optional>

#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/neuron_forest.hpp>
#include <canopy/nn/initialise.hpp>
#include <canopy/nn/routed/routing_trace.hpp>

#include <fmt/format.h>

namespace canopy::nn {

TreeFFF::TreeFFF(const TreeFFFOptions& options)
    : options_(options), shape_{options.trees, options.depth, options.activation} {
  if (options.inputs < 1 || options.outputs < 1 || options.trees < 1) {
    throw ConfigError(fmt::format("TreeFFF: inputs ({}), outputs ({}) and trees ({}) must be at least 1",
                                  options.inputs, options.outputs, options.trees));
  }
  if (options.depth < 0 || options.depth > deepest_tree) {
    throw ConfigError(fmt::format("TreeFFF: the depth must lie in 0..{}, not {}", deepest_tree, options.depth));
  }
  w_in_ = linear_in_.add_parameter("weight", uniform_fan_in({neurons(), options.inputs}, options.inputs));
  if (options.bias) bias_ = linear_in_.add_parameter("bias", uniform_fan_in({neurons()}, options.inputs));
  w_out_ = linear_out_.add_parameter(
      "weight", uniform_fan_in({neurons(), options.outputs}, options.trees * shape_.levels()), FileLayout::transposed);
  add_module("linear_in", linear_in_);
  add_module("linear_out", linear_out_);
}

Variable TreeFFF::forward_rows(const Variable& x) const {
  // At 3 of 7 neurons a dense product still takes two thirds of the time (512 trees of depth 2, 768 wide, batch 2048).
  constexpr int deepest_dense = 2;
  NeuronPaths paths;
  if (options_.depth <= deepest_dense) {
    paths = masked(x);
  } else if (is_recording()) {
    paths = neuron_forest(x, w_in_, bias_, w_out_, shape_);
  } else {
    Inference inference = infer(x.value());
    paths = {std::move(inference.y), std::move(inference.bottom)};
  }
  if (RoutingTrace* trace = RoutingTrace::live()) {
    // What was not recorded then is not now.
    const auto logits = [x, bottom = paths.bottom, w_in = w_in_, bias = bias_, shape = shape_,
                         recorded = is_recording()] {
      std::optional<NoRecord> pause;
      if (!recorded) pause.emplace();
      return slice(path_logits(x, w_in, bias, bottom, shape), 1, 0, shape.depth);
    };
    trace->add(*this, x, ForestDecisions{options_.depth, paths.bottom, logits});
  }
  return paths.y;
}

NeuronPaths TreeFFF::masked(const Variable& x) const {
  const PathActivations active = path_activations(linear(x, w_in_, bias_), shape_);
  return {matmul(active.values, w_out_), active.bottom};
}

Variable TreeFFF::forward_masked(const Variable& x) const { return masked(rows_of(x)).y; }

TreeFFF::Inference TreeFFF::infer(const Tensor& x) const {
  const std::int64_t batch = row_count(x.shape());
  Inference result{Tensor(x.shape().with(-1, options_.outputs)), Indices({options_.trees, batch})};
  const kernels::NeuronForest forest{options_.inputs,
                                     options_.outputs,
                                     options_.trees,
                                     options_.depth,
                                     options_.activation,
                                     w_in_.value().data(),
                                     options_.bias ? bias_.value().data() : nullptr,
                                     w_out_.value().data()};
  Tensor z({options_.trees, batch, shape_.levels()}), a(z.shape());
  kernels::forest_forward(forest, x.data(), batch, result.bottom.mutable_data(), z.mutable_data(), a.mutable_data(),
                          result.y.mutable_data());
  return result;
}

Architecture TreeFFF::architecture() const {
  return {.name = "tree-fff",
          .options = {{"trees", std::to_string(options_.trees)},
                      {"depth", std::to_string(options_.depth)},
                      {"activation", std::string(to_string(options_.activation))}}};
}

}  // namespace canopy::nn
