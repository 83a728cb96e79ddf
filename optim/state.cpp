#include <canopy/optim/state.hpp>

#include <cmath>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::optim::detail {

Tensor count_tensor(std::int64_t count) { return Tensor({1}, static_cast<float>(count)); }

float number_of(const std::map<std::string, Tensor>& state, const std::string& key, std::string_view owner) {
  const auto found = state.find(key);
  if (found == state.end()) throw CheckpointError(fmt::format("{}: the state lacks '{}'", owner, key));
  if (found->second.size() != 1) {
    throw CheckpointError(fmt::format("{}: the state '{}' has the shape {} where one number is needed", owner, key,
                                      found->second.shape().to_string()));
  }
  return found->second.item();
}

std::int64_t count_of(const std::map<std::string, Tensor>& state, const std::string& key, std::string_view owner) {
  const float value = number_of(state, key, owner);
  if (!(value >= 0 && value <= 1e15f && value == std::floor(value))) {
    throw CheckpointError(fmt::format("{}: the state '{}' must be a whole number from 0, not {}", owner, key, value));
  }
  return static_cast<std::int64_t>(value);
}

bool is_better(float score, float best, bool higher_is_better) {
  if (std::isnan(score)) return false;
  if (std::isnan(best)) return true;
  return higher_is_better ? score > best : score < best;
}

}  // namespace canopy::optim::detail
