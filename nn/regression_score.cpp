#include <canopy/nn/regression_score.hpp>

#include <cmath>
#include <utility>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy {

RegressionScorer::RegressionScorer(const nn::Layer& model, Standardisation targets)
    : model_(model), targets_(std::move(targets)), loads_(model) {
  if (model.is_training()) throw Error("RegressionScorer: the model is in training mode; call eval() first");
}

void RegressionScorer::add(const Tensor& inputs, const Tensor& targets) {
  const NoRecord pause;
  const nn::RoutingTrace trace;
  const Tensor answers = model_.forward(inputs).value();
  loads_.add(trace);
  if (answers.size() != targets.size()) {
    throw ShapeError(fmt::format("RegressionScorer: answers {} for targets {}", answers.shape().to_string(),
                                 targets.shape().to_string()));
  }
  const Tensor found = targets_.invert(answers.reshape(targets.shape())), expected = targets_.invert(targets);
  for (std::int64_t i = 0; i < found.size(); ++i) {
    const double error = static_cast<double>(found.data()[i]) - expected.data()[i];
    squares_ += error * error;
    absolute_ += std::abs(error);
  }
  numbers_ += found.size();
  samples_ += targets.rank() > 0 ? targets.extent(0) : 1;
}

RegressionScore RegressionScorer::score() const {
  RegressionScore score{.samples = samples_, .routing = loads_.layers()};
  score.rmse = std::sqrt(squares_ / static_cast<double>(numbers_));  // NaN for none
  score.mae = absolute_ / static_cast<double>(numbers_);
  return score;
}

}  // namespace canopy
