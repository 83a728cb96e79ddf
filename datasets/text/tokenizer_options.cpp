#include <canopy/datasets/text/tokenizer_options.hpp>

#include <string>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// The object in a file; an empty one where there is no such file.
Json object_in(const fs::path& file) {
  return failing_as<DataError>(file, [&] {
    if (!file_exists(file)) return Json::object();
    Json json = Json::parse(read_file(file));
    if (!json.is_object())
      throw DataError(fmt::format("{}: expected an object, found {}", file.string(), json.type_name()));
    return json;
  });
}

/// A field that is true, false, or null or not there at all.
std::optional<bool> flag(const Json& object, const char* field, const fs::path& file) {
  const auto found = object.find(field);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (found->is_boolean()) return found->get<bool>();
  throw DataError(
      fmt::format("{}: {}: expected true, false or null, found {}", file.string(), field, found->type_name()));
}

/// The part of a file that must be of this type, as tokenizer.json names types; an empty one where it is not there.
Json part(const Json& object, const char* field, const std::string& type, const fs::path& file) {
  const auto found = object.find(field);
  if (found == object.end() || found->is_null()) return Json::object();
  const std::string is = found->is_object() ? found->value("type", Json()).dump() : found->dump();
  if (is != Json(type).dump()) {
    throw DataError(fmt::format("{}: {}: expected the type \"{}\", found {}", file.string(), field, type, is));
  }
  return *found;
}

}  // namespace

TokenizerOptions read_tokenizer_options(const fs::path& folder) {
  const fs::path config_file = folder / "tokenizer_config.json", file = folder / "tokenizer.json";
  const Json config = object_in(config_file), whole = object_in(file);
  part(whole, "model", "WordPiece", file);
  const Json normalizer = part(whole, "normalizer", "BertNormalizer", file);
  const auto either = [&](const char* in_config, const char* in_normalizer) {
    const std::optional<bool> said = flag(config, in_config, config_file);
    return said ? said : flag(normalizer, in_normalizer, file);
  };
  TokenizerOptions options;
  options.cased = !either("do_lower_case", "lowercase").value_or(!options.cased);
  options.strip_accents = either("strip_accents", "strip_accents");
  options.split_ideographs =
      either("tokenize_chinese_chars", "handle_chinese_chars").value_or(options.split_ideographs);
  return options;
}

}  // namespace canopy
