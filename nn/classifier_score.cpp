#include <canopy/nn/classifier_score.hpp>

#include <cmath>
#include <optional>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy {

ClassifierScorer::ClassifierScorer(const nn::Layer& model, Inference inference)
    : model_(model), inference_(inference), loads_(model) {
  if (model.is_training()) throw Error("ClassifierScorer: the model is in training mode; call eval() first");
}

void ClassifierScorer::add(const Tensor& inputs, const Indices& labels) {
  const NoRecord pause;
  const nn::RoutingTrace trace;
  std::optional<nn::SoftInference> soft;
  if (inference_ == Inference::soft) soft.emplace();
  const Tensor logits = model_.forward(inputs).value();
  loads_.add(trace);
  if (logits.rank() != 2 || labels.size() != logits.extent(0)) {
    throw ShapeError(fmt::format("ClassifierScorer: logits {} for labels {}", logits.shape().to_string(),
                                 labels.shape().to_string()));
  }
  const std::int64_t classes = logits.extent(1);
  for (std::int64_t b = 0; b < labels.size(); ++b) {
    const float* row = logits.data() + b * classes;
    const float* largest = std::max_element(row, row + classes);
    const bool numbers = std::none_of(row, row + classes, [](float logit) { return std::isnan(logit); });
    if (numbers && largest - row == labels.data()[b]) ++correct_;
  }
  samples_ += labels.size();
}

ClassifierScore ClassifierScorer::score() const {
  ClassifierScore score;
  score.samples = samples_;
  score.accuracy = 100.0 * static_cast<double>(correct_) / static_cast<double>(samples_);  // NaN for none
  score.routing = loads_.layers();
  if (score.routing.empty()) return score;
  score.leaves = score.leaves_used = 0;
  score.maximum_leaf_load = nn::maximum_load(score.routing);
  for (const nn::RoutingLoad& load : score.routing) {
    score.leaves += std::ssize(load.branches);
    score.leaves_used += load.used();
  }
  return score;
}

}  // namespace canopy
