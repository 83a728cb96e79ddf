#include <canopy/nn/dropout.hpp>

#include <canopy/autograd/dropout.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include <fmt/format.h>

namespace canopy::nn {

Dropout::Dropout(const DropoutOptions& options) : probability_(options.probability) {
  if (!(probability_ >= 0.f && probability_ < 1.f)) {
    throw ConfigError(fmt::format("Dropout: the probability must lie in [0, 1), not {}", probability_));
  }
}

Variable Dropout::forward(const Variable& x) const {
  if (!is_training() || probability_ == 0.f) return x;
  return dropout(x, probability_, random_stream("dropout"));
}

Architecture Dropout::architecture() const {
  return {.name = "dropout", .options = {{"probability", fmt::to_string(probability_)}}};
}

}  // namespace canopy::nn
