// The hyperparameters of an experiment: named, ordered, typed by their defaults, changed by presets and `--set`.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace canopy::harness {

using Integers = std::vector<std::int64_t>;
using Reals = std::vector<double>;
using Texts = std::vector<std::string>;

/// What a setting may hold; in `--set` a list is written `16,128`.
using Value = std::variant<bool, std::int64_t, double, std::string, Integers, Reals, Texts>;

/// The numbers that a setting may hold.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool without_least = false;  ///< the end itself is left out
  bool without_most = false;
  bool or_infinite = false;  ///< infinity is let through besides

  bool contains(double value) const {
    if (or_infinite && value == std::numeric_limits<double>::infinity()) return true;
    return (without_least ? value > least : value >= least) && (without_most ? value < most : value <= most);
  }
  /// Throws ConfigError, "KEY: at least 1, not 0", for a number that is not in it.
  void check(std::string_view key, double value) const;
  bool operator==(const Range&) const = default;
};

// Counts lie far from where their products with others overflow, and what a float takes from a number is neither 0 nor
// infinite unless the number is.
inline constexpr double most_count = 2147483647, most_real = 1e30, least_real = 1e-30;
inline constexpr Range count_from_0{.least = 0, .most = most_count};
inline constexpr Range count_from_1{.least = 1, .most = most_count};
inline constexpr Range real_from_0{.least = 0, .most = most_real};
/// A hardening coefficient of infinity freezes a tree.
inline constexpr Range real_from_0_or_infinite{.least = 0, .most = most_real, .or_infinite = true};
inline constexpr Range positive_real{.least = least_real, .most = most_real};
inline constexpr Range fraction{.least = 0, .most = 1};
inline constexpr Range fraction_below_1{.least = 0, .most = 1, .without_most = true};

/// A value, or "auto": whoever reads it decides, such as a recipe that has its own learning rate.
struct Setting {
  Value value;
  bool automatic = false;
  Range range = {};  ///< of its number, or of each in its list

  Setting(Value known) : value(std::move(known)) {}  // NOLINT: settings are written as plain values
  template <class T>
  requires std::constructible_from<Value, T> Setting(T known) : value(std::move(known)) {}  // NOLINT

  bool operator==(const Setting&) const = default;
  /// As `--set` reads it: `0.2`, `true`, `16,128`, `auto`.
  std::string to_string() const;
};

/// A setting of type T that is "auto" until someone sets it.
template <class T>
Setting automatic() {
  Setting setting{Value(T{})};
  setting.automatic = true;
  return setting;
}

/// A setting whose numbers must lie in this range.
template <class T>
Setting within(const Range& range, T value) {
  Setting setting{Value(std::move(value))};
  setting.range = range;
  return setting;
}

/// An ordered list of named settings. Every lookup of an unknown key throws ConfigError and lists the known ones.
class Settings {
 public:
  using Entry = std::pair<std::string, Setting>;

  Settings() = default;
  Settings(std::initializer_list<Entry> defaults) : entries_(defaults) {}
  explicit Settings(std::vector<Entry> defaults) : entries_(std::move(defaults)) {}

  const std::vector<Entry>& entries() const { return entries_; }
  const Setting& at(std::string_view key) const;

  /// The value of `key`. Throws ConfigError when it has another type than T or is "auto".
  template <class T>
  const T& get(std::string_view key) const;

  /// Replaces a value; its range stays. Throws ConfigError when the type is not the default's (an integer may stand for
  /// a real).
  void set(std::string_view key, const Setting& setting);
  /// Likewise, by text (in UTF-8) such as `learning_rate=0.1`, `widths=16,128`, `h=inf`, `learning_rate=auto`.
  void set(std::string_view assignment);

  /// Throws ConfigError, naming the setting, for a number that is not in its range: to be called before work begins.
  void check() const;

  bool operator==(const Settings&) const = default;

 private:
  Setting& find(std::string_view key);
  std::vector<Entry> entries_;
};

extern template const bool& Settings::get<bool>(std::string_view) const;
extern template const std::int64_t& Settings::get<std::int64_t>(std::string_view) const;
extern template const double& Settings::get<double>(std::string_view) const;
extern template const std::string& Settings::get<std::string>(std::string_view) const;
extern template const Integers& Settings::get<Integers>(std::string_view) const;
extern template const Reals& Settings::get<Reals>(std::string_view) const;
extern template const Texts& Settings::get<Texts>(std::string_view) const;

}  // namespace canopy::harness
