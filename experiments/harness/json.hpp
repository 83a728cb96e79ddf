// JSON with the keys in the order in which they were written, and no number that JSON cannot hold.
#pragma once

#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

namespace canopy::harness {

using Json = nlohmann::ordered_json;

/// A missing or non-finite number is null.
template <class T>
Json number(const std::optional<T>& value) {
  if (!value || !std::isfinite(static_cast<double>(*value))) return nullptr;
  return *value;
}

}  // namespace canopy::harness
