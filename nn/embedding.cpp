#include <canopy/nn/embedding.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <canopy/autograd/embedding.hpp>
#include <canopy/core/error.hpp>
#include <canopy/nn/initialise.hpp>

#include <fmt/format.h>

namespace canopy::nn {

Embedding::Embedding(const EmbeddingOptions& options) : padding_(options.padding) {
  if (options.count < 1 || options.width < 1) {
    throw ConfigError(
        fmt::format("Embedding: count ({}) and width ({}) must be at least 1", options.count, options.width));
  }
  if (padding_ && (*padding_ < 0 || *padding_ >= options.count)) {
    throw ConfigError(fmt::format("Embedding: padding must be an index in [0, {}), not {}", options.count, *padding_));
  }
  if (!(options.deviation >= 0.f && std::isfinite(options.deviation))) {
    throw ConfigError(fmt::format("Embedding: deviation must be finite and at least 0, not {}", options.deviation));
  }
  Tensor weight = normal({options.count, options.width}, options.deviation);
  if (padding_) std::fill_n(weight.mutable_data() + *padding_ * options.width, options.width, 0.f);
  weight_ = add_parameter("weight", std::move(weight));
}

Variable Embedding::operator()(const Indices& indices) const { return embedding(weight_, indices, padding_); }

}  // namespace canopy::nn
