#include <canopy/nn/transformers/sampling.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

void check(const SamplingOptions& options, std::span<const float> logits) {
  if (!(options.temperature >= 0.f) || std::isinf(options.temperature)) {
    throw ConfigError(fmt::format("sample: the temperature must be at least 0, not {}", options.temperature));
  }
  if (options.top_k < 0) throw ConfigError(fmt::format("sample: top_k must be at least 0, not {}", options.top_k));
  if (!(options.top_p > 0.f && options.top_p <= 1.f)) {
    throw ConfigError(fmt::format("sample: top_p must be above 0 and at most 1, not {}", options.top_p));
  }
  if (logits.empty()) throw DataError("sample: there are no logits");
  if (std::ranges::any_of(logits, [](float v) { return std::isnan(v); })) {
    throw DataError("sample: a logit is not a number");
  }
}

}  // namespace

std::int32_t sample(std::span<const float> logits, const SamplingOptions& options, RandomStream& random) {
  check(options, logits);
  const auto largest = std::ranges::max_element(logits);
  if (options.temperature == 0.f || std::isinf(*largest)) return static_cast<std::int32_t>(largest - logits.begin());
  std::vector<std::int32_t> order(logits.size());  // the largest first
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](std::int32_t i) { return logits[static_cast<std::size_t>(i)]; };
  std::ranges::stable_sort(order, std::ranges::greater(), logit);
  if (options.top_k > 0) order.resize(std::min(order.size(), static_cast<std::size_t>(options.top_k)));
  std::vector<double> up_to(order.size());  // the weights of the first ones, summed
  double sum = 0;
  std::ranges::transform(order, up_to.begin(), [&](std::int32_t i) {
    return sum += std::exp((static_cast<double>(logit(i)) - *largest) / options.temperature);
  });
  // The one that crosses the share is the last.
  const auto last = std::ranges::lower_bound(up_to, options.top_p * sum);
  const double kept = last == up_to.end() ? sum : *last;
  float uniform = 0;
  random.fill_uniform({&uniform, 1}, 0.f, 1.f);
  const auto drawn = std::ranges::upper_bound(up_to.begin(), last, uniform * kept);
  return order[static_cast<std::size_t>(std::min(drawn - up_to.begin(), std::ssize(up_to) - 1))];
}

}  // namespace canopy::nn
