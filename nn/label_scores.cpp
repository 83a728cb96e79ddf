#include <canopy/nn/label_scores.hpp>

#include <cmath>
#include <limits>
#include <map>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

void require_one_length(const char* name, std::span<const std::int32_t> predictions,
                        std::span<const std::int32_t> labels) {
  if (predictions.size() == labels.size()) return;
  throw ShapeError(fmt::format("{}: {} predictions for {} labels", name, predictions.size(), labels.size()));
}

}  // namespace

double accuracy(std::span<const std::int32_t> predictions, std::span<const std::int32_t> labels) {
  require_one_length("accuracy", predictions, labels);
  if (labels.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::int64_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += predictions[i] == labels[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

double f1_score(std::span<const std::int32_t> predictions, std::span<const std::int32_t> labels,
                std::int32_t positive) {
  require_one_length("f1_score", predictions, labels);
  std::int64_t hits = 0, sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool predicted = predictions[i] == positive, is = labels[i] == positive;
    hits += predicted && is ? 1 : 0;
    sum += (predicted ? 1 : 0) + (is ? 1 : 0);
  }
  return sum == 0 ? 0 : 2 * static_cast<double>(hits) / static_cast<double>(sum);
}

double matthews_correlation(std::span<const std::int32_t> predictions, std::span<const std::int32_t> labels) {
  require_one_length("matthews_correlation", predictions, labels);
  struct Count {
    double predicted = 0, is = 0;
  };
  std::map<std::int32_t, Count> classes;
  double right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++classes[predictions[i]].predicted;
    ++classes[labels[i]].is;
    right += predictions[i] == labels[i] ? 1 : 0;
  }
  const auto samples = static_cast<double>(labels.size());
  double both = 0, predicted = 0, is = 0;  // sums over classes of products of their counts
  for (const auto& [label, count] : classes) {
    both += count.predicted * count.is;
    predicted += count.predicted * count.predicted;
    is += count.is * count.is;
  }
  const double covariance = right * samples - both;
  const double variances = (samples * samples - predicted) * (samples * samples - is);
  return variances > 0 ? covariance / std::sqrt(variances) : 0;
}

}  // namespace canopy
