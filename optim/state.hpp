// Numbers as tensors of one element, the form in which states go into a checkpoint.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <canopy/core/array.hpp>

namespace canopy::optim::detail {

/// [1]; exact up to 2^24.
Tensor count_tensor(std::int64_t count);

/// The number stored as `key`. Throws CheckpointError naming `owner` if it is missing or not a single number.
float number_of(const std::map<std::string, Tensor>& state, const std::string& key, std::string_view owner);
/// The same for a whole number from 0.
std::int64_t count_of(const std::map<std::string, Tensor>& state, const std::string& key, std::string_view owner);

/// Whether a score is a new best; NaN never is, and `best` NaN means that there is none yet.
bool is_better(float score, float best, bool higher_is_better);

}  // namespace canopy::optim::detail
