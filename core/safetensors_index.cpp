#include <canopy/core/safetensors_index.hpp>

#include <filesystem>
#include <set>
#include <string_view>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy::safetensors {
namespace {

using Json = nlohmann::json;

constexpr const char* weight_map = "weight_map";
constexpr int deepest = 8;  // levels of nesting; an index has two

// The text as JSON; a tensor that stands in the map twice is an error, where the parser would take the last.
Json parse(const std::string& file, const std::string& text) {
  std::string section;
  std::set<std::string> seen;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > deepest) throw CheckpointError(fmt::format("{}: nested deeper than {} levels", file, deepest));
    if (event != Json::parse_event_t::key) return true;
    const auto& key = parsed.get_ref<const std::string&>();
    if (depth == 1) section = key;
    const bool counts = depth == 1 || (depth == 2 && section == weight_map);
    if (counts && !seen.insert(fmt::format("{}/{}", depth, key)).second) {
      throw CheckpointError(fmt::format("{}: expected each name once, found \"{}\" a second time", file, key));
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::exception&) {
    throw CheckpointError(fmt::format("{}: {}", file, describe_failure()));
  }
}

bool lies_in_the_folder(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
}

}  // namespace

Index parse_index(const std::string& file, const std::string& text) {
  const Json json = parse(file, text);
  if (!json.is_object() || !json.contains(weight_map) || !json.at(weight_map).is_object()) {
    throw CheckpointError(
        fmt::format("{}: expected {{\"metadata\": {{...}}, \"weight_map\": {{tensor: file}}}}, found {}", file,
                    json.is_object() ? json.contains(weight_map) ? "a weight_map that is no object" : "no weight_map"
                                     : json.type_name()));
  }
  Index index;
  for (const auto& [name, place] : json.at(weight_map).items()) {
    if (!place.is_string() || !lies_in_the_folder(place.get_ref<const std::string&>())) {
      throw CheckpointError(fmt::format("{}: tensor \"{}\": expected the name of a file in the same folder, found {}",
                                        file, name, place.dump(-1, ' ', false, Json::error_handler_t::replace)));
    }
    index.weight_map.emplace(name, place.get<std::string>());
  }
  if (const auto found = json.find("metadata"); found != json.end() && found->is_object()) {
    for (const auto& [key, value] : found->items()) {
      if (value.is_string()) index.metadata.emplace(key, value.get<std::string>());
    }
  }
  return index;
}

}  // namespace canopy::safetensors
