#include <canopy/experiments/harness/expect.hpp>

#include <charconv>
#include <optional>

#include <canopy/experiments/harness/pattern.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::harness {
namespace {

constexpr const char* form = "expected 'CELL:FIELD>=VALUE' with one of >= <= > < == !=";

bool holds(double found, const std::string& comparison, double value) {
  if (comparison == ">=") return found >= value;
  if (comparison == "<=") return found <= value;
  if (comparison == ">") return found > value;
  if (comparison == "<") return found < value;
  if (comparison == "==") return found == value;
  return found != value;
}

/// The member that FIELD names; nullptr if the row has none such.
const Json* find(const Json& row, const std::string& field) {
  const Json* at = &row;
  for (std::size_t begin = 0; begin <= field.size();) {
    const std::size_t end = std::min(field.find('.', begin), field.size());
    const std::string name = field.substr(begin, end - begin);
    if (!at->is_object() || !at->contains(name)) return nullptr;
    at = &(*at)[name];
    begin = end + 1;
  }
  return at->is_object() && at->contains("mean") ? &(*at)["mean"] : at;
}

std::optional<double> value_of(const Json& json) {
  if (json.is_boolean()) return json.get<bool>() ? 1. : 0.;
  if (json.is_number()) return json.get<double>();
  return std::nullopt;
}

}  // namespace

Expectation parse_expectation(const std::string& text) {
  const std::size_t begin = text.find_first_of("<>=!");
  if (begin == std::string::npos) throw ConfigError(fmt::format("--expect \"{}\": {}", text, form));
  const std::size_t end = text.find_first_not_of("<>=!", begin);
  Expectation expectation{.text = text,
                          .pattern = "*",
                          .field = text.substr(0, begin),
                          .comparison = text.substr(begin, (end == std::string::npos ? text.size() : end) - begin)};
  const std::size_t colon = expectation.field.rfind(':');
  if (colon != std::string::npos) {
    expectation.pattern = expectation.field.substr(0, colon);
    expectation.field.erase(0, colon + 1);
  }
  const std::string number_text = end == std::string::npos ? "" : text.substr(end);
  const char* last = number_text.data() + number_text.size();
  const auto [parsed, error] = std::from_chars(number_text.data(), last, expectation.value);
  const std::string& sign = expectation.comparison;
  const bool known = sign == ">=" || sign == "<=" || sign == ">" || sign == "<" || sign == "==" || sign == "!=";
  if (!known || expectation.field.empty() || expectation.pattern.empty() || error != std::errc() || parsed != last) {
    throw ConfigError(fmt::format("--expect \"{}\": {}", text, form));
  }
  return expectation;
}

std::vector<Expectation> parse_expectations(const std::vector<std::string>& texts) {
  std::vector<Expectation> expectations;
  for (const std::string& text : texts) expectations.push_back(parse_expectation(text));
  return expectations;
}

std::vector<NamedRow> named_rows(const Json& rows, const char* name) {
  std::vector<NamedRow> named;
  for (const Json& row : rows) named.push_back({row[name].get<std::string>(), row});
  return named;
}

void check_names(const std::vector<Expectation>& expectations, const std::vector<NamedRow>& rows) {
  for (const Expectation& expectation : expectations) {
    std::vector<std::string> names;
    bool matched = false;
    for (const auto& [name, row] : rows) {
      names.push_back(name);
      if (!matches(expectation.pattern, name)) continue;
      matched = true;
      if (find(row, expectation.field)) continue;
      std::vector<std::string> known;
      for (const auto& [field, value] : row.items()) {
        if (value.is_null() || value_of(value) || (value.is_object() && value.contains("mean"))) known.push_back(field);
      }
      throw ConfigError(fmt::format("--expect \"{}\": {} has no field \"{}\"; it has: {}", expectation.text, name,
                                    expectation.field, fmt::join(known, ", ")));
    }
    if (!matched) {
      throw ConfigError(fmt::format("--expect \"{}\": \"{}\" matches none of: {}", expectation.text,
                                    expectation.pattern, fmt::join(names, ", ")));
    }
  }
}

void check(const std::vector<Expectation>& expectations, const std::vector<NamedRow>& rows) {
  check_names(expectations, rows);
  std::vector<std::string> missed;
  for (const Expectation& expectation : expectations) {
    for (const auto& [name, row] : rows) {
      if (!matches(expectation.pattern, name)) continue;
      const std::optional<double> found = value_of(*find(row, expectation.field));
      if (found && holds(*found, expectation.comparison, expectation.value)) continue;
      missed.push_back(fmt::format("expected {}: {} has {}", expectation.text, name,
                                   found ? fmt::format("{:.6g}", *found) : "no value"));
    }
  }
  if (!missed.empty()) throw ExpectationMissed(fmt::format("{}", fmt::join(missed, "; ")));
}

}  // namespace canopy::harness
