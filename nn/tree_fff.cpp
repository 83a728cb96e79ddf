#include <canopy/nn/tree_fff.hpp>

#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/neuron_forest.hpp>
#include <canopy/nn/initialise.hpp>

#include <fmt/format.h>

namespace canopy::nn {

TreeFFF::TreeFFF(const TreeFFFOptions& options)
    : options_(options), shape_{options.trees, options.depth, options.activation} {
  if (options.inputs < 1 || options.outputs < 1 || options.trees < 1) {
    throw ConfigError(fmt::format("TreeFFF: inputs ({}), outputs ({}) and trees ({}) must be at least 1",
                                  options.inputs, options.outputs, options.trees));
  }
  if (options.depth < 0 || options.depth > 24) {
    throw ConfigError(fmt::format("TreeFFF: the depth must lie in 0..24, not {}", options.depth));
  }
  w_in_ = linear_in_.add_parameter("weight", uniform_fan_in({neurons(), options.inputs}, options.inputs));
  if (options.bias) bias_ = linear_in_.add_parameter("bias", uniform_fan_in({neurons()}, options.inputs));
  w_out_ = linear_out_.add_parameter(
      "weight", uniform_fan_in({neurons(), options.outputs}, options.trees * shape_.levels()), FileLayout::transposed);
  add_module("linear_in", linear_in_);
  add_module("linear_out", linear_out_);
}

void TreeFFF::require_input(const Shape& x) const {
  if (x.rank() == 2 && x[1] == options_.inputs) return;
  throw ShapeError(fmt::format("TreeFFF: an input [batch, {}] is needed, not {}", options_.inputs, x.to_string()));
}

Variable TreeFFF::forward(const Variable& x) const {
  require_input(x.shape());
  // At 3 of 7 neurons a dense product still takes two thirds of the time (512 trees of depth 2, 768 wide, batch 2048).
  constexpr int deepest_dense = 2;
  if (options_.depth <= deepest_dense) return forward_masked(x);
  if (!is_recording()) return infer(x.value()).y;
  return neuron_forest(x, w_in_, bias_, w_out_, shape_);
}

Variable TreeFFF::forward_masked(const Variable& x) const {
  require_input(x.shape());
  return matmul(path_activations(linear(x, w_in_, bias_), shape_), w_out_);
}

TreeFFF::Inference TreeFFF::infer(const Tensor& x) const {
  require_input(x.shape());
  const std::int64_t batch = x.extent(0);
  Inference result{Tensor({batch, options_.outputs}), Indices({options_.trees, batch})};
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
                      {"activation", to_string(options_.activation)}}};
}

}  // namespace canopy::nn
