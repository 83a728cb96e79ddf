#include <canopy/experiments/training/classification.hpp>

#include <canopy/experiments/training/inference_timing.hpp>
#include <canopy/nn/routed/routing_load.hpp>

#include <fmt/format.h>

namespace canopy::training {

using namespace harness;

namespace {

Metric accuracy(const char* name, const char* title) {
  return {.name = name, .title = title, .unit = "%", .digits = 2, .main = true, .paper_digits = 1};
}

Metric epochs(const char* name, const char* title) {
  return {.name = name, .title = title, .digits = 0, .better = Better::lower};
}

Metric speed(const char* name, const char* title) { return {.name = name, .title = title, .digits = 2, .timed = true}; }

bool is_collapsed(const Result& result) {
  const auto value = [&](const char* name) {
    const Number* number = result.metrics.find(name);
    return number == nullptr ? std::nullopt : real(*number);
  };
  const auto leaves = value("leaves"), load = value("maximum_leaf_load");
  return leaves && load && *leaves > 1 && *load > nn::collapsed_above;
}

}  // namespace

Measures classification_measures() {
  return {
      .metrics = {epochs("epochs", "epochs"),
                  accuracy("m_a", "M_A"),
                  epochs("m_a_ett", "ETT"),
                  accuracy("g_a", "G_A"),
                  epochs("g_a_ett", "ETT"),
                  accuracy("validation_accuracy", "validation"),
                  accuracy("train_accuracy", "train"),
                  accuracy("train_accuracy_soft", "soft train"),
                  accuracy("g_a_soft", "soft G_A"),
                  {.name = "mix", .title = "mix k", .digits = 3},
                  {.name = "leaves", .digits = 0, .whole = true},
                  {.name = "leaves_used", .title = "leaves used", .digits = 1, .whole = true, .of = "leaves"},
                  {.name = "maximum_leaf_load", .title = "max load", .unit = "%", .digits = 1, .better = Better::lower},
                  {.name = "entropy", .digits = 3, .better = Better::lower},
                  time_metric(),
                  speed("speedup", "speedup"),
                  speed("speedup_inference_size", "same size")},
      .remarks = {{.word = "COLLAPSED",
                   .explanation = fmt::format("over {:.0f} % of the inputs reach one leaf, so the accuracy is that "
                                              "of one small network.",
                                              nn::collapsed_above),
                   .applies = is_collapsed}},
      .charts = {{.name = "accuracy",
                  .unit = "%",
                  .curves = {{.column = "validation_accuracy"}, {.column = "train_accuracy", .dashed = true}},
                  .figures = {"dataset"},
                  .panels = {"training_width"}}}};
}

}  // namespace canopy::training
