// Structs whose fields are settings: a part of a recipe names its fields once, and settings, checks and recipe.json
// follow from that.
//
//   struct Decay { double rate = 0.1; std::int64_t every = 10; };
//   template <class D, class Visit> requires std::same_as<std::remove_const_t<D>, Decay>
//   void visit_fields(D& decay, const Visit& visit) {
//     visit("rate", decay.rate, real_from_0);
//     visit("every", decay.every, count_from_1);
//   }
#pragma once

#include <array>
#include <cmath>
#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/settings.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::harness {

/// The texts that a field may hold.
using OneOf = std::vector<std::string>;

/// An enumeration's names: specialise it with a `static std::vector<std::pair<std::string, E>> list()`.
template <class E>
struct Names;

/// For fields that a type holds to its values by itself: truth values and enumerations.
struct Unchecked {};
inline constexpr Unchecked unchecked;

namespace detail {
[[noreturn]] inline void throw_unknown(const std::string& key, const std::string& found,
                                       const std::vector<std::string>& known) {
  throw ConfigError(fmt::format("{}: '{}' is unknown; known: {}", key, found, fmt::join(known, ", ")));
}
}  // namespace detail

/// What has this name in a list, for the setting `key`. Throws ConfigError, with the known ones, where nothing has.
template <class T>
T find_named(const std::string& key, const std::string& name, const std::vector<std::pair<std::string, T>>& list) {
  std::vector<std::string> names;
  for (const auto& [each, value] : list) {
    if (each == name) return value;
    names.push_back(each);
  }
  detail::throw_unknown(key, name, names);
}

namespace detail {

template <class E>
std::string name_of(E value) {
  for (const auto& [name, each] : Names<E>::list()) {
    if (each == value) return name;
  }
  return {};
}

template <class E>
E value_of(const std::string& key, const std::string& text) {
  return find_named(key, text, Names<E>::list());
}

template <class T>
void check(const std::string& key, const T& value, const Range& range) {
  range.check(key, static_cast<double>(value));
}
inline void check(const std::string& key, const std::string& value, const OneOf& known) {
  for (const std::string& each : known) {
    if (each == value) return;
  }
  throw_unknown(key, value, known);
}
template <class T>
void check(const std::string&, const T&, Unchecked) {}

}  // namespace detail

/// A setting for each field of a part, all "auto": the part's own value holds until one is set.
template <class Part>
void append_settings(std::vector<Settings::Entry>& entries) {
  Part part;
  visit_fields(part, [&]<class T, class Allowed>(const char* key, const T&, const Allowed& allowed) {
    if constexpr (std::is_enum_v<T>) {
      entries.emplace_back(key, automatic<std::string>());
    } else {
      entries.emplace_back(key, automatic<T>());
    }
    if constexpr (std::is_same_v<Allowed, Range>) entries.back().second.range = allowed;
  });
}

/// Changes the fields that `settings` has a value for. Throws ConfigError for a value that a field may not hold.
template <class Part>
void apply_settings(const Settings& settings, Part& part) {
  visit_fields(part, [&]<class T>(const char* key, T& value, const auto& allowed) {
    if (!settings.at(key).automatic) {
      if constexpr (std::is_enum_v<T>) {
        value = detail::value_of<T>(key, settings.get<std::string>(key));
      } else {
        value = settings.get<T>(key);
      }
    }
    detail::check(key, value, allowed);
  });
}

/// The part with what `settings` changes of it. Throws as apply_settings.
template <class Part>
Part with_settings(Part part, const Settings& settings) {
  apply_settings(settings, part);
  return part;
}

/// Every field by its name; a number that JSON cannot hold as text.
template <class Part>
Json fields_json(const Part& part) {
  Json json = Json::object();
  visit_fields(part, [&]<class T>(const char* key, const T& value, const auto&) {
    if constexpr (std::is_enum_v<T>) {
      json[key] = detail::name_of(value);
    } else if constexpr (std::is_same_v<T, double>) {
      json[key] = std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value));
    } else {
      json[key] = value;
    }
  });
  return json;
}

/// recipe.json in a cell's folder: what a recipe's name means may change. Throws Error if it cannot be written.
template <class Recipe>
void write_recipe(const std::filesystem::path& folder, const Recipe& recipe) {
  write_file(folder / "recipe.json", to_text(fields_json(recipe), 2) + "\n");
}

}  // namespace canopy::harness
