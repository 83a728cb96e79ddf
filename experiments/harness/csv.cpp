#include <canopy/experiments/harness/csv.hpp>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

constexpr const char* identity[] = {"cell",       "dataset",  "model",  "recipe",     "training_width",
                                    "leaf_width", "depth",    "status", "seeds_done", "seeds_failed",
                                    "collapsed",  "diverged", "noisy"};
constexpr const char* statistics[] = {"paper", "mean", "sd", "best", "low", "high", "seeds"};

std::string value_of(const Json& value) {
  if (value.is_null()) return "";
  if (!value.is_string()) return value.dump();
  std::string text = value.get<std::string>();
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2) text.insert(at, 1, '"');
  return fmt::format("\"{}\"", text);
}

/// In the order of their first appearance.
std::vector<std::string> fields_with_numbers(const Json& report) {
  std::vector<std::string> fields;
  for (const Json& row : report["rows"]) {
    for (const auto& [name, value] : row.items()) {
      if (!value.is_object() || !value.contains("mean")) continue;
      if (value["mean"].is_null() && !value.contains("paper")) continue;
      if (std::ranges::find(fields, name) == fields.end()) fields.push_back(name);
    }
  }
  return fields;
}

}  // namespace

std::string to_csv(const Json& report) {
  const std::vector<std::string> fields = fields_with_numbers(report);
  std::string text;
  const auto add = [&](const std::string& cell) {
    if (!text.empty() && text.back() != '\n') text += ',';
    text += cell;
  };
  for (const char* name : identity) add(name);
  for (const std::string& field : fields) {
    for (const char* statistic : statistics) add(fmt::format("{}_{}", field, statistic));
  }
  text += "\n";
  for (const Json& row : report["rows"]) {
    for (const char* name : identity) add(value_of(row[name]));
    for (const std::string& field : fields) {
      const Json value = row.value(field, Json::object());
      for (const char* statistic : statistics) add(value_of(value.value(statistic, Json())));
    }
    text += "\n";
  }
  return text;
}

}  // namespace canopy::harness
