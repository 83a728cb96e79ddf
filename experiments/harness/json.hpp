// JSON with the keys in the order in which they were written, no number that JSON cannot hold, and errors that name the
// file and the field.
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace canopy::harness {

using Json = nlohmann::ordered_json;

/// A missing or non-finite number is null.
template <class T>
Json number(const std::optional<T>& value) {
  if (!value || !std::isfinite(static_cast<double>(*value))) return nullptr;
  return *value;
}

/// As text: in one line, or with that many spaces a level. Bytes that are not UTF-8, as in paths, are replaced.
std::string to_text(const Json& json, int indent = -1);

bool is_utf8(std::string_view text);

/// Parses a file that holds one JSON object. Throws DataError, naming it, when it cannot be read, is damaged or holds
/// anything else.
Json read_json(const std::filesystem::path& file);

/// The field of an object as a T, which is std::string or std::int64_t. Throws DataError, naming
/// `source` and the field, when it is missing or of another kind.
template <class T>
T required(const Json& object, const std::string& field, const std::string& source);

template <>
std::string required<std::string>(const Json& object, const std::string& field, const std::string& source);
template <>
std::int64_t required<std::int64_t>(const Json& object, const std::string& field, const std::string& source);

/// The field of an object that holds an array of objects; none where the field is missing. Throws as `required`.
std::optional<Json> array_of_objects(const Json& object, const std::string& field, const std::string& source);

}  // namespace canopy::harness
