#include <canopy/optim/state.hpp>

#include <cmath>
#include <utility>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::optim {
namespace {

// Whole numbers from 0 that 32 bits hold; NaN is none.
bool is_count(std::int32_t value) { return value >= 0; }
bool is_count(float value) { return value >= 0 && value < 0x1p31f && value == std::floor(value); }

}  // namespace

Indices count_array(std::int64_t count, const std::string& owner) {
  if (std::in_range<std::int32_t>(count)) return Indices({1}, static_cast<std::int32_t>(count));
  throw CheckpointError(fmt::format("{}: the count {} does not fit 32 bits", owner, count));
}

void StateReader::require_shape(const std::string& key, const Shape& found, const Shape& expected) const {
  if (found == expected) return;
  throw CheckpointError(fmt::format("{}: the state '{}' has the shape {} where {} is needed", owner_, key,
                                    found.to_string(), expected.to_string()));
}

const Tensor& StateReader::tensor(const std::string& key, const Shape& shape) {
  const auto found = state_.tensors.find(key);
  if (found == state_.tensors.end()) throw CheckpointError(fmt::format("{}: the state lacks '{}'", owner_, key));
  require_shape(key, found->second.shape(), shape);
  known_.insert(key);
  return found->second;
}

Indices StateReader::counts(const std::string& key, const Shape& shape) {
  Indices result(shape);
  const auto copy = [&](const auto& stored) {
    require_shape(key, stored.shape(), shape);
    std::int32_t* to = result.mutable_data();
    for (const auto value : stored.elements()) {
      if (!is_count(value)) {
        throw CheckpointError(
            fmt::format("{}: the state '{}' must be a whole number from 0, not {}", owner_, key, value));
      }
      *to++ = static_cast<std::int32_t>(value);
    }
    known_.insert(key);
  };
  if (const auto found = state_.counts.find(key); found != state_.counts.end()) {
    copy(found->second);
  } else {
    copy(tensor(key, shape));
  }
  return result;
}

void StateReader::finish() const {
  const auto require_known = [&](const auto& entries) {
    for (const auto& [key, value] : entries) {
      if (known_.contains(key)) continue;
      throw CheckpointError(fmt::format("{}: the state '{}' is unknown, or what it goes with is missing", owner_, key));
    }
  };
  require_known(state_.tensors);
  require_known(state_.counts);
}

}  // namespace canopy::optim
