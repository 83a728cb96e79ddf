#include <canopy/experiments/harness/result.hpp>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

constexpr const char* identity[] = {"experiment", "cell", "seed", "status"};

const Label& find_label(const Labels& labels, std::string_view name) {
  if (const Label* found = labels.find(name)) return *found;
  throw ConfigError(fmt::format("the cell has no label \"{}\"", name));
}

Json to_json(const Label& label) {
  if (const auto* number = std::get_if<std::int64_t>(&label)) return *number;
  if (const auto* text = std::get_if<std::string>(&label)) return *text;
  return nullptr;
}

Json to_json(const Number& value) {
  if (const auto* count = std::get_if<std::int64_t>(&value)) return *count;
  return number(real(value));
}

Label label_from_json(const Json& json, const std::string& name, const std::string& source) {
  if (json.is_null()) return {};
  if (json.is_string()) return json.get<std::string>();
  return required<std::int64_t>(Json{{name, json}}, name, source);
}

}  // namespace

Label label(const std::optional<std::int64_t>& number) { return number ? Label(*number) : Label(); }

const std::string& Labels::text(std::string_view name) const {
  if (const auto* text = std::get_if<std::string>(&find_label(*this, name))) return *text;
  throw ConfigError(fmt::format("the cell's label \"{}\" is no text", name));
}

std::optional<std::int64_t> Labels::number(std::string_view name) const {
  const Label& found = find_label(*this, name);
  if (const auto* number = std::get_if<std::int64_t>(&found)) return *number;
  if (std::holds_alternative<std::monostate>(found)) return std::nullopt;
  throw ConfigError(fmt::format("the cell's label \"{}\" is no number", name));
}

std::optional<double> real(const Number& number) {
  if (const auto* count = std::get_if<std::int64_t>(&number)) return static_cast<double>(*count);
  const auto* measure = std::get_if<double>(&number);
  return measure != nullptr && std::isfinite(*measure) ? std::optional(*measure) : std::nullopt;
}

Json to_json(const Labels& labels) {
  Json json = Json::object();
  for (const auto& [name, value] : labels) json[name] = to_json(value);
  return json;
}

Json to_json(const Numbers& numbers) {
  Json json = Json::object();
  for (const auto& [name, value] : numbers) json[name] = to_json(value);
  return json;
}

Numbers numbers_from_json(const Json& object, const Labels& others) {
  Numbers numbers;
  for (const auto& [name, value] : object.items()) {
    if (others.find(name) != nullptr) continue;
    if (value.is_number_integer()) {
      numbers[name] = value.get<std::int64_t>();
    } else if (value.is_number()) {
      numbers[name] = value.get<double>();
    } else if (value.is_null()) {
      numbers[name] = {};
    }
  }
  return numbers;
}

Json to_json(const Result& result) {
  Json json = {{"experiment", result.experiment}, {"cell", result.cell}, {"seed", result.seed}};
  json.update(to_json(result.labels));
  json.update(to_json(result.metrics));
  json["status"] = result.status;
  return json;
}

Result result_from_json(const Json& json, const Labels& labels, const std::string& source) {
  Result result{.experiment = required<std::string>(json, "experiment", source),
                .cell = required<std::string>(json, "cell", source),
                .seed = required<std::int64_t>(json, "seed", source),
                .status = required<std::string>(json, "status", source)};
  Labels others = labels;
  for (const char* name : identity) others[name] = {};
  for (const auto& [name, value] : json.items()) {
    if (labels.find(name) != nullptr) result.labels[name] = label_from_json(value, name, source);
  }
  result.metrics = numbers_from_json(json, others);
  return result;
}

}  // namespace canopy::harness
