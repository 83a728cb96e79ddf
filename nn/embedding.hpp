// A table of vectors by index.
#pragma once

#include <cstdint>
#include <optional>

#include <canopy/nn/module.hpp>

namespace canopy::nn {

struct EmbeddingOptions {
  std::int64_t count = 0;                    ///< indices are 0 to count - 1
  std::int64_t width = 0;                    ///< numbers a vector
  std::optional<std::int32_t> padding = {};  ///< an index whose row is 0 at first and gets no gradient
  float deviation = 1.f;                     ///< of the initial values: standard deviation, mean 0
};

/// Row `index` of `weight` [count, width] for every index; the gradient of `weight` is row-sparse. Initialised normally
/// from the stream "initialisation". A Module but no Layer, because its input is indices.
class Embedding : public Module {
 public:
  /// Throws ConfigError for sizes below 1, a padding that is no index, or a deviation that is negative or not finite.
  explicit Embedding(const EmbeddingOptions& options);

  /// Indices of any shape give [..., width]. Throws ShapeError for an index outside of the table, naming its position.
  Variable operator()(const Indices& indices) const;

  const Variable& weight() const { return weight_; }

 private:
  std::optional<std::int32_t> padding_;
  Variable weight_;
};

}  // namespace canopy::nn
