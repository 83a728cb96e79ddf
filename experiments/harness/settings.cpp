#include <canopy/experiments/harness/settings.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include <canopy/core/error.hpp>
#include <canopy/experiments/harness/json.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::harness {
namespace {

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

constexpr std::size_t longest_list = 100;

const char* type_name(const Value& value) {
  constexpr const char* names[] = {"true or false",
                                   "an integer",
                                   "a number",
                                   "a text in UTF-8",
                                   "up to 100 integers separated by commas",
                                   "up to 100 numbers separated by commas",
                                   "up to 100 texts separated by commas"};
  return names[value.index()];
}

bool parse(std::string_view text, bool& value) {
  value = text == "true";
  return value || text == "false";
}

template <class T>
requires std::is_arithmetic_v<T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value == value;
}

bool parse(std::string_view text, std::string& value) {
  value = text;
  return is_utf8(text);  // config.toml holds nothing else
}

template <class T>
bool parse(std::string_view text, std::vector<T>& values) {
  for (values.clear();; text.remove_prefix(text.find(',') + 1)) {
    const std::string_view element = text.substr(0, text.find(','));
    T value{};
    if (element.empty() || !parse(element, value)) return false;
    values.push_back(value);
    if (values.size() > longest_list) return false;
    if (element.size() == text.size()) return true;
  }
}

/// An integer may stand for a real, alone or in a list.
Value widened(const Value& value, const Value& like) {
  if (std::holds_alternative<double>(like)) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  }
  if (std::holds_alternative<Reals>(like)) {
    if (const auto* integers = std::get_if<Integers>(&value)) return Reals(integers->begin(), integers->end());
  }
  return value;
}

[[noreturn]] void wrong_type(std::string_view key, const Setting& expected, std::string_view found) {
  constexpr std::size_t longest = 200;
  throw ConfigError(fmt::format("setting {}: expected {} (it is {} now), found \"{}\"{}", key,
                                type_name(expected.value), expected.to_string(), found.substr(0, longest),
                                found.size() > longest ? "..." : ""));
}

void check_range(std::string_view key, const Setting& setting) {
  if (setting.automatic) return;
  std::visit(
      [&]<class T>(const T& value) {
        if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, double>) {
          setting.range.check(key, static_cast<double>(value));
        } else if constexpr (std::is_same_v<T, Integers> || std::is_same_v<T, Reals>) {
          for (const auto number : value) setting.range.check(key, static_cast<double>(number));
        }
      },
      setting.value);
}

}  // namespace

void Range::check(std::string_view key, double value) const {
  if (contains(value)) return;
  // An end that guards only against overflow is told where it is missed.
  const auto told = [&](double end, bool missed) {
    const bool guard = end == most_count || end == most_real || end == least_real;
    return std::isfinite(end) && (missed || !guard);
  };
  std::string text;
  if (told(least, !(value >= least))) text = fmt::format("{} {}", without_least ? "above" : "at least", least);
  if (told(most, !(value <= most))) {
    text += fmt::format("{}{} {}{}", text.empty() ? "" : " and ", without_most ? "below" : "at most", most,
                        or_infinite ? ", or inf" : "");
  }
  throw ConfigError(fmt::format("{}: {}, not {}", key, text, value));
}

std::string Setting::to_string() const {
  if (automatic) return "auto";
  return std::visit(
      [](const auto& known) {
        if constexpr (is_list<std::decay_t<decltype(known)>>) {
          return fmt::format("{}", fmt::join(known, ","));
        } else {
          return fmt::format("{}", known);
        }
      },
      value);
}

Setting& Settings::find(std::string_view key) {
  const auto entry = std::ranges::find(entries_, key, &Entry::first);
  if (entry != entries_.end()) return entry->second;
  std::vector<std::string_view> known;
  for (const auto& [name, setting] : entries_) known.push_back(name);
  throw ConfigError(fmt::format("unknown setting \"{}\"; known are: {}", key, fmt::join(known, ", ")));
}

const Setting& Settings::at(std::string_view key) const { return const_cast<Settings*>(this)->find(key); }

template <class T>
const T& Settings::get(std::string_view key) const {
  const Setting& setting = at(key);
  if (setting.automatic) throw ConfigError(fmt::format("setting {} is \"auto\": a value is needed", key));
  if (const T* value = std::get_if<T>(&setting.value)) return *value;
  throw ConfigError(fmt::format("setting {} is {}, not {}", key, type_name(setting.value), type_name(Value(T{}))));
}

template const bool& Settings::get<bool>(std::string_view) const;
template const std::int64_t& Settings::get<std::int64_t>(std::string_view) const;
template const double& Settings::get<double>(std::string_view) const;
template const std::string& Settings::get<std::string>(std::string_view) const;
template const Integers& Settings::get<Integers>(std::string_view) const;
template const Reals& Settings::get<Reals>(std::string_view) const;
template const Texts& Settings::get<Texts>(std::string_view) const;

void Settings::set(std::string_view key, const Setting& setting) {
  Setting& current = find(key);
  Setting next = setting;
  next.value = widened(setting.value, current.value);
  next.range = current.range;
  if (next.value.index() != current.value.index()) wrong_type(key, current, setting.to_string());
  current = next;
}

void Settings::set(std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    throw ConfigError(fmt::format("setting \"{}\": expected key=value", assignment));
  }
  const std::string_view key = assignment.substr(0, equals);
  const std::string_view text = assignment.substr(equals + 1);
  Setting& current = find(key);
  Setting next = current;
  next.automatic = text == "auto";
  if (!next.automatic && !std::visit([&](auto& value) { return parse(text, value); }, next.value)) {
    wrong_type(key, current, text);
  }
  current = next;
}

void Settings::check() const {
  for (const auto& [key, setting] : entries_) check_range(key, setting);
}

}  // namespace canopy::harness
