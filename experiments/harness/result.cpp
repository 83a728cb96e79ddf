#include <canopy/experiments/harness/result.hpp>

#include <type_traits>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

/// The one list of result.json's fields, in their order.
template <class R, class Visit>
void for_each_field(R& result, Visit visit) {
  visit("experiment", result.experiment);
  visit("cell", result.cell);
  visit("seed", result.seed);
  visit("dataset", result.dataset);
  visit("model", result.model);
  visit("recipe", result.recipe);
  visit("training_width", result.training_width);
  visit("leaf_width", result.leaf_width);
  visit("depth", result.depth);
  visit("epochs", result.epochs);
  visit("m_a", result.m_a);
  visit("m_a_ett", result.m_a_ett);
  visit("g_a", result.g_a);
  visit("g_a_ett", result.g_a_ett);
  visit("validation_accuracy", result.validation_accuracy);
  visit("train_accuracy", result.train_accuracy);
  visit("train_accuracy_soft", result.train_accuracy_soft);
  visit("g_a_soft", result.g_a_soft);
  visit("mix", result.mix);
  visit("leaves", result.leaves);
  visit("leaves_used", result.leaves_used);
  visit("maximum_leaf_load", result.maximum_leaf_load);
  visit("entropy", result.entropy);
  visit("status", result.status);
}

template <class T>
Json to_value(const T& value) {
  return value;
}
template <class T>
Json to_value(const std::optional<T>& value) {
  return number(value);
}

template <class T>
void from_value(const Json& json, T& value) {
  value = json.get<T>();
}
template <class T>
void from_value(const Json& json, std::optional<T>& value) {
  if (json.is_null()) {
    value.reset();
  } else {
    value = json.get<T>();
  }
}

}  // namespace

Json to_json(const Result& result) {
  Json json = Json::object();
  for_each_field(result, [&](const char* name, const auto& value) { json[name] = to_value(value); });
  return json;
}

Result result_from_json(const Json& json, const std::string& source) {
  Result result;
  for_each_field(result, [&](const char* name, auto& value) {
    try {
      from_value(json.at(name), value);
    } catch (const Json::exception& error) {
      throw DataError(fmt::format("{}: field \"{}\": {}", source, name, error.what()));
    }
  });
  return result;
}

}  // namespace canopy::harness
