#include <canopy/nn/linear.hpp>

#include <canopy/autograd/linear.hpp>
#include <canopy/core/error.hpp>
#include <canopy/nn/initialise.hpp>

#include <fmt/format.h>

namespace canopy::nn {

Linear::Linear(const LinearOptions& options) : options_(options) {
  if (options.inputs < 1 || options.outputs < 1) {
    throw ConfigError(
        fmt::format("Linear: inputs ({}) and outputs ({}) must be at least 1", options.inputs, options.outputs));
  }
  weight_ = add_parameter("weight", uniform_fan_in({options.outputs, options.inputs}, options.inputs));
  if (options.bias) bias_ = add_parameter("bias", uniform_fan_in({options.outputs}, options.inputs));
}

Variable Linear::forward(const Variable& x) const { return linear(x, weight_, bias_, options_.activation); }

Architecture Linear::architecture() const {
  return {.name = "linear", .options = {{"activation", std::string(to_string(options_.activation))}}};
}

}  // namespace canopy::nn
