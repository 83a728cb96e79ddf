// The grid of all combinations of some settings' values.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/harness/settings.hpp>

namespace canopy::harness {

/// One combination: a value for each of the settings.
class Choice {
 public:
  /// Throws ConfigError for a setting that is not among them or of another kind.
  const std::string& text(std::string_view setting) const;
  std::int64_t integer(std::string_view setting) const;
  double real(std::string_view setting) const;

 private:
  friend std::vector<Choice> product(const Settings&, std::initializer_list<const char*>);
  friend std::vector<Cell> product_cells(const std::string&, const Settings&, std::initializer_list<const char*>);
  const Value& at(std::string_view setting) const;
  std::map<std::string, Value, std::less<>> values_;
};

/// A cell for each combination, with the settings' values as its labels and, behind `prefix`, as its name:
/// "ball-tree-8".
std::vector<Cell> product_cells(const std::string& prefix, const Settings& settings,
                                std::initializer_list<const char*> names);

/// Every combination of the values of these settings, each a list or a single value; the last one varies fastest.
std::vector<Choice> product(const Settings& settings, std::initializer_list<const char*> names);

}  // namespace canopy::harness
