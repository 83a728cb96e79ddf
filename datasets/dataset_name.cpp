#include <canopy/datasets/dataset_name.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <set>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::datasets {
namespace {

constexpr std::array<std::string_view, 4> kinds = {"idx", "csv", "npy", "safetensors"};

std::string unescaped(std::string_view text, std::string_view name) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc() || rest != digits.data() + 2) {
      throw ConfigError(
          fmt::format("data set {}: expected two hexadecimal digits after a '%', found '{}'", name, digits));
    }
    result += static_cast<char>(byte);
    i += 2;
  }
  return result;
}

std::string slug(std::string_view text) {
  std::string result;
  for (const unsigned char c : text) {
    if (c < 128 && std::isalnum(c)) {
      result += static_cast<char>(std::tolower(c));
    } else if (!result.empty() && result.back() != '-') {
      result += '-';
    }
  }
  while (result.ends_with('-')) result.pop_back();
  return result;
}

}  // namespace

DatasetName parse_dataset_name(std::string_view name) {
  DatasetName result{.full = std::string(name), .kind = {}, .path = std::string(name), .options = {}};
  const std::size_t colon = name.find(':');
  const std::string_view kind = name.substr(0, colon == std::string_view::npos ? 0 : colon);
  if (std::ranges::find(kinds, kind) == kinds.end()) return result;
  result.kind = kind;
  const std::string_view rest = name.substr(colon + 1);
  const std::size_t question = rest.find('?');
  result.path = rest.substr(0, question);
  if (result.path.empty()) throw ConfigError(fmt::format("data set {}: expected a path after '{}:'", name, kind));
  std::string_view options = question == std::string_view::npos ? "" : rest.substr(question + 1);
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find('&'));
    options.remove_prefix(std::min(option.size() + 1, options.size()));
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      throw ConfigError(
          fmt::format("data set {}: expected options KEY=VALUE with '&' between, found '{}'", name, option));
    }
    const auto [place, added] =
        result.options.emplace(option.substr(0, equals), unescaped(option.substr(equals + 1), name));
    if (!added) throw ConfigError(fmt::format("data set {}: the option {} comes twice", name, place->first));
  }
  return result;
}

std::string short_name(std::string_view name) {
  const DatasetName parts = parse_dataset_name(name);
  std::string result;
  if (!parts.kind.empty()) {
    std::filesystem::path path = std::filesystem::path(parts.path).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // "letters/"
    if (path.extension() == ".gz") path.replace_extension();
    result = slug(parts.kind == "idx" || parts.kind == "npy" ? path.filename().string() : path.stem().string());
  }
  if (result.empty()) result = slug(name);
  return result.empty() ? "data" : result;
}

std::vector<std::string> short_names(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  std::set<std::string> taken;
  for (const std::string& name : names) {
    const std::string base = short_name(name);
    std::string candidate = base;
    for (int i = 2; !taken.insert(candidate).second; ++i) candidate = fmt::format("{}-{}", base, i);
    result.push_back(candidate);
  }
  return result;
}

}  // namespace canopy::datasets
