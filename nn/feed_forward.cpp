#include <canopy/nn/feed_forward.hpp>

namespace canopy::nn {

FeedForward::FeedForward(const FeedForwardOptions& options)
    : activation_(options.activation),
      hidden_({.inputs = options.inputs, .outputs = options.width, .activation = options.activation}),
      dropout_({.probability = options.dropout}),
      output_({.inputs = options.width, .outputs = options.outputs}) {
  add_module("0", hidden_);
  add_module("dropout", dropout_);
  add_module("2", output_);
}

Variable FeedForward::forward(const Variable& x) const { return output_(dropout_(hidden_(x))); }

std::map<std::string, std::string> FeedForward::architecture() const {
  return {{"architecture", "ff"}, {"activation", to_string(activation_)}};
}

}  // namespace canopy::nn
