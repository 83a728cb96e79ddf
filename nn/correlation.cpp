#include <canopy/nn/correlation.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

void require_one_length(const char* name, std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) throw ShapeError(fmt::format("{}: {} numbers for {}", name, a.size(), b.size()));
}

/// The deviations from the mean, over the largest of them, so that no square overflows or vanishes; empty if all are 0
/// or one is not finite.
std::vector<double> deviations(std::span<const double> x) {
  if (x.size() < 2 || !std::ranges::all_of(x, [](double each) { return std::isfinite(each); })) return {};
  const auto [least, most] = std::ranges::minmax(x);
  if (least == most) return {};
  const int exponent = std::ilogb(std::max(std::abs(least), std::abs(most)));
  std::vector<double> result;  // scaled by a power of two, which rounds nothing, so that no sum overflows
  for (const double each : x) result.push_back(std::scalbn(each, -exponent));
  const double mean = std::accumulate(result.begin(), result.end(), 0.0) / static_cast<double>(x.size());
  double largest = 0;
  for (double& each : result) {
    each -= mean;
    largest = std::max(largest, std::abs(each));
  }
  for (double& each : result) each /= largest;
  return result;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// From 1, equal numbers with the mean of theirs.
std::vector<double> ranks(std::span<const double> x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return x[i]; });
  std::vector<double> result(x.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    const double mean = static_cast<double>(begin + 1 + end) / 2;
    for (std::size_t i = begin; i < end; ++i) result[order[i]] = mean;
  }
  return result;
}

}  // namespace

double pearson_correlation(std::span<const double> a, std::span<const double> b) {
  require_one_length("pearson_correlation", a, b);
  const std::vector<double> x = deviations(a), y = deviations(b);
  if (x.empty() || y.empty()) return undefined;
  return std::clamp(dot(x, y) / std::sqrt(dot(x, x) * dot(y, y)), -1.0, 1.0);
}

double spearman_correlation(std::span<const double> a, std::span<const double> b) {
  require_one_length("spearman_correlation", a, b);
  const auto has_nan = [](std::span<const double> x) {
    return std::ranges::any_of(x, [](double each) { return std::isnan(each); });
  };
  if (has_nan(a) || has_nan(b)) return undefined;
  return pearson_correlation(ranks(a), ranks(b));
}

}  // namespace canopy
