#include <canopy/nn/checkpoints/weights.hpp>

#include <algorithm>
#include <optional>
#include <string_view>

#include <canopy/core/error.hpp>
#include <canopy/core/safetensors.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

// The texts that the stars of `pattern` stand for in `name`; nothing if it does not match. That each is as short as can
// be, taken from the left, finds a match wherever there is one.
std::optional<std::vector<std::string_view>> match(std::string_view pattern, std::string_view name) {
  std::size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == name ? std::optional(std::vector<std::string_view>()) : std::nullopt;
  if (!name.starts_with(pattern.substr(0, star))) return std::nullopt;
  name.remove_prefix(star);
  std::vector<std::string_view> texts;
  for (;;) {
    pattern.remove_prefix(star + 1);
    star = pattern.find('*');
    if (star == pattern.npos) break;
    const std::string_view piece = pattern.substr(0, star);
    const std::size_t found = name.find(piece);
    if (found == name.npos) return std::nullopt;
    texts.push_back(name.substr(0, found));
    name.remove_prefix(found + piece.size());
  }
  if (!name.ends_with(pattern)) return std::nullopt;
  name.remove_suffix(pattern.size());
  texts.push_back(name);
  return texts;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return match(pattern, name).has_value(); });
}

void require_stars(const std::vector<Rename>& rules) {
  for (const Rename& rule : rules) {
    if (std::ranges::count(rule.to, '*') <= std::ranges::count(rule.from, '*')) continue;
    throw ConfigError(
        fmt::format("load_weights: the rule '{}' -> '{}' has more stars on its right", rule.from, rule.to));
  }
}

// Why a tensor's values cannot be read; empty where they can. Only those of F64 may be beyond a float.
std::string fault_of(const SafetensorsReader& file, const std::string& name) {
  const SafetensorsEntry& entry = file.entries().at(name);
  if (!entry.is_float()) return fmt::format("{} where floats are expected", entry.dtype);
  if (entry.dtype != "F64") return {};
  try {
    file.tensor(name);
    return {};
  } catch (const CheckpointError& error) {
    return error.what();
  }
}

}  // namespace

std::string renamed(std::string name, const std::vector<Rename>& rules) {
  for (const Rename& rule : rules) {
    const auto texts = match(rule.from, name);
    if (!texts) continue;
    std::string next;
    auto text = texts->begin();
    for (const char c : rule.to) {
      if (c == '*') {
        next += *text++;
      } else {
        next += c;
      }
    }
    name = std::move(next);
  }
  return name;
}

void load_weights(nn::Module& module, const SafetensorsReader& file, const LoadWeightsOptions& options) {
  require_stars(options.rename);
  std::map<std::string, std::string> names;  // the module's -> the file's
  std::map<std::string, std::string> doubles;
  nn::StateSource source{.name = file.path().string()};
  for (const auto& [name, entry] : file.entries()) {
    std::string own = renamed(name, options.rename);
    const auto [place, fresh] = names.try_emplace(own, name);
    if (!fresh) doubles.emplace(own, fmt::format("both '{}' and '{}' become this name", place->second, name));
    source.shapes.try_emplace(std::move(own), entry.shape);
  }
  source.read = [&](const std::string& name) { return file.tensor(names.at(name)); };
  source.fault = [&](const std::string& name) {
    const auto found = doubles.find(name);
    return found == doubles.end() ? fault_of(file, names.at(name)) : found->second;
  };
  source.may_be_missing = [&](const std::string& name) { return matches_any(options.allow_missing, name); };
  source.may_be_left_over = [&](const std::string& name) {
    const std::string& in_file = names.at(name);
    return in_file.starts_with("training.") || in_file.starts_with("dataset.") || matches_any(options.ignore, in_file);
  };
  module.load_state(source);
}

void load_weights(nn::Module& module, const std::filesystem::path& path, const LoadWeightsOptions& options) {
  load_weights(module, SafetensorsReader(path), options);
}

void save_weights(const nn::Module& module, const std::filesystem::path& path,
                  const std::map<std::string, std::string>& metadata) {
  write_safetensors(path, {.metadata = metadata, .tensors = module.state_dict(), .indices = {}});
}

}  // namespace canopy
