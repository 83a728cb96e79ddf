#include <canopy/experiments/harness/measures.hpp>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace canopy::harness {

std::string heading(const Metric& metric) {
  const std::string& title = metric.title.empty() ? metric.name : metric.title;
  return metric.unit.empty() ? title : fmt::format("{} {}", title, metric.unit);
}

std::string field_of(const std::string& word) {
  std::string field = word;
  std::ranges::transform(field, field.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return field;
}

Metric Measures::metric(std::string_view name) const {
  const auto found = std::ranges::find(metrics, name, &Metric::name);
  return found == metrics.end() ? Metric{.name = std::string(name)} : *found;
}

std::string reached(const MetricsRow& row, const Measures& measures) {
  const std::int64_t end = row.number + row.stride;
  std::string text = fmt::format("{} {}", row.unit, row.planned > 0 ? std::min(end, row.planned) : end);
  if (row.planned > 0) text += fmt::format("/{}", row.planned);
  for (const Metric& metric : measures.metrics) {
    if (!metric.main) continue;
    const auto column = std::ranges::find(row.columns, metric.name, [](const auto& each) { return each.first; });
    if (column == row.columns.end()) continue;
    return text + fmt::format("  {} {:.{}f}{}{}", metric.title.empty() ? metric.name : metric.title, column->second,
                              metric.digits, metric.unit.empty() ? "" : " ", metric.unit);
  }
  return text;
}

}  // namespace canopy::harness
