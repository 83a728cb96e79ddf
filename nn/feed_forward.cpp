#include <canopy/nn/feed_forward.hpp>

#include <fmt/format.h>

namespace canopy::nn {

FeedForward::FeedForward(const FeedForwardOptions& options)
    : options_(options),
      hidden_(
          {.inputs = options.inputs, .outputs = options.width, .bias = options.bias, .activation = options.activation}),
      dropout_({.probability = options.dropout}),
      output_({.inputs = options.width, .outputs = options.outputs, .bias = options.bias}) {
  add_module("0", hidden_);
  add_module("dropout", dropout_);
  add_module("2", output_);
}

Variable FeedForward::forward(const Variable& x) const { return output_(dropout_(hidden_(x))); }

Architecture FeedForward::architecture() const {
  Architecture described{.name = "ff", .options = {{"activation", std::string(to_string(options_.activation))}}};
  if (options_.dropout > 0) described.options.emplace("dropout", fmt::to_string(options_.dropout));
  return described;
}

}  // namespace canopy::nn
