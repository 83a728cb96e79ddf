#include <canopy/experiments/harness/json.hpp>

#include <algorithm>

#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

[[noreturn]] void wrong_kind(const std::string& source, const std::string& field, const char* expected,
                             const char* found) {
  throw DataError(fmt::format("{}: field \"{}\": expected {}, found {}", source, field, expected, found));
}

const char* kind_of(const Json& object, const std::string& field) {
  return object.contains(field) ? object[field].type_name() : "none";
}

}  // namespace

std::string to_text(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

bool is_utf8(std::string_view text) {
  try {
    Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

Json read_json(const std::filesystem::path& file) {
  Json json = failing_as<DataError>(file, [&] { return Json::parse(read_file(file)); });
  if (!json.is_object()) {
    throw DataError(fmt::format("{}: expected a JSON object, found {}", file.string(), json.type_name()));
  }
  return json;
}

template <>
std::string required<std::string>(const Json& object, const std::string& field, const std::string& source) {
  if (object.contains(field) && object[field].is_string()) return object[field].get<std::string>();
  wrong_kind(source, field, "a text", kind_of(object, field));
}

template <>
std::int64_t required<std::int64_t>(const Json& object, const std::string& field, const std::string& source) {
  if (object.contains(field) && object[field].is_number_integer()) return object[field].get<std::int64_t>();
  wrong_kind(source, field, "a whole number", kind_of(object, field));
}

std::optional<Json> array_of_objects(const Json& object, const std::string& field, const std::string& source) {
  if (!object.contains(field)) return std::nullopt;
  const Json& array = object[field];
  const bool fits =
      array.is_array() && std::ranges::all_of(array, [](const Json& element) { return element.is_object(); });
  if (!fits) wrong_kind(source, field, "an array of objects", array.type_name());
  return array;
}

}  // namespace canopy::harness
