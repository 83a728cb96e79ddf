#include <canopy/nn/classifier_score.hpp>

#include <algorithm>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/nn/fff.hpp>
#include <canopy/nn/moe.hpp>

#include <fmt/format.h>

namespace canopy {

ClassifierScorer::ClassifierScorer(const nn::Layer& model, Inference inference) : model_(model), inference_(inference) {
  if (model.is_training()) throw Error("ClassifierScorer: the model is in training mode; call eval() first");
  std::int64_t leaves = 1;
  if (const auto* fff = dynamic_cast<const nn::FFF*>(&model)) leaves = fff->leaves();
  if (const auto* moe = dynamic_cast<const nn::MoE*>(&model)) leaves = moe->options().experts;
  leaf_load_.assign(static_cast<std::size_t>(leaves), 0);
}

void ClassifierScorer::add(const Tensor& inputs, const Indices& labels) {
  const NoRecord pause;
  Tensor logits;
  if (const auto* fff = dynamic_cast<const nn::FFF*>(&model_)) {
    const nn::FFF::Inference hard = fff->infer(inputs);
    for (const std::int32_t leaf : hard.leaf.elements()) ++leaf_load_[static_cast<std::size_t>(leaf)];
    logits = inference_ == Inference::soft ? fff->forward_soft(inputs).value() : hard.y;
  } else if (const auto* moe = dynamic_cast<const nn::MoE*>(&model_)) {
    const nn::MoE::Inference inferred = moe->infer(inputs);
    const std::int64_t k = inferred.experts.extent(1);
    for (std::int64_t i = 0; i < inferred.experts.size(); i += k) {
      ++leaf_load_[static_cast<std::size_t>(inferred.experts.data()[i])];
    }
    logits = inferred.y;
  } else {
    leaf_load_[0] += inputs.extent(0);
    logits = model_.forward(inputs).value();
  }
  if (logits.rank() != 2 || labels.size() != logits.extent(0)) {
    throw ShapeError(fmt::format("ClassifierScorer: logits {} for labels {}", logits.shape().to_string(),
                                 labels.shape().to_string()));
  }
  const std::int64_t classes = logits.extent(1);
  for (std::int64_t b = 0; b < labels.size(); ++b) {
    const float* row = logits.data() + b * classes;
    if (std::max_element(row, row + classes) - row == labels.data()[b]) ++correct_;
  }
  samples_ += labels.size();
}

ClassifierScore ClassifierScorer::score() const {
  ClassifierScore score;
  score.samples = samples_;
  score.leaves = static_cast<std::int64_t>(leaf_load_.size());
  score.leaf_load = leaf_load_;
  score.leaves_used = std::count_if(leaf_load_.begin(), leaf_load_.end(), [](std::int64_t n) { return n > 0; });
  if (samples_ > 0) {
    score.accuracy = 100.0 * static_cast<double>(correct_) / static_cast<double>(samples_);
    score.maximum_leaf_load = 100.0 * static_cast<double>(std::ranges::max(leaf_load_)) / static_cast<double>(samples_);
  }
  return score;
}

}  // namespace canopy
