#include <canopy/experiments/harness/words.hpp>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::harness {
namespace {

/// Without the zeros of a whole number where the digits are only for means.
int digits_of(const Statistic& statistic, const Metric& metric) {
  return metric.whole && statistic.seeds == 1 ? 0 : metric.digits;
}

}  // namespace

std::string papers(const Statistic& statistic, const Metric& metric) {
  return statistic.paper ? fmt::format("{:.{}f}", *statistic.paper, metric.paper_digits.value_or(metric.digits)) : "";
}

std::string mean_and_sd(const ReportRow& row, const Metric& metric) {
  const Statistic& statistic = row.statistic(metric.name);
  if (!statistic.mean) return "";
  const int digits = digits_of(statistic, metric);
  const std::string mean = fmt::format("{:.{}f}", *statistic.mean, digits);
  if (!metric.of.empty()) {
    const std::optional<double>& whole = row.statistic(metric.of).mean;
    return whole ? fmt::format("{}/{:.0f}", mean, *whole) : mean;
  }
  return statistic.sd ? fmt::format("{} ± {:.{}f}", mean, *statistic.sd, digits) : mean;
}

std::string best(const Statistic& statistic, const Metric& metric) {
  if (!statistic.sd || !statistic.best || !metric.of.empty()) return "";
  return fmt::format("{:.{}f}", *statistic.best, metric.digits);
}

std::string interval(const Statistic& statistic, const Metric& metric) {
  if (!statistic.sd) return "";
  return fmt::format("{0:.{2}f} to {1:.{2}f}", *statistic.low, *statistic.high, metric.digits);
}

std::string remarks(const ReportRow& row, std::int64_t seeds) {
  std::vector<std::string> all;
  const auto failed = static_cast<std::int64_t>(row.errors.size());
  const auto add = [&](const std::string& word, std::int64_t count, std::int64_t of) {
    if (count > 0) all.push_back(seeds == 1 ? word : fmt::format("{} {}/{}", word, count, of));
  };
  for (const auto& [word, count] : row.remarks) add(word, count, row.seeds_done);
  add("FAILED", failed, seeds);
  if (!row.noise.empty()) all.emplace_back("NOISY");
  if (row.seeds_done + failed < seeds) all.push_back(fmt::format("{}/{} seeds", row.seeds_done, seeds));
  return fmt::format("{}", fmt::join(all, ", "));
}

std::string subtitle(const Report& report) {
  return fmt::format("{} of {}; preset {}, {} seed{}", report.artefact, report.paper, report.preset, report.seeds,
                     report.seeds == 1 ? "" : "s");
}

std::vector<std::string> notes(const Report& report) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < report.measures.remarks.size(); ++i) {
    const Remark& remark = report.measures.remarks[i];
    if (std::ranges::any_of(report.rows, [&](const ReportRow& row) { return row.remarks[i].seeds > 0; })) {
      all.push_back(fmt::format("{}: {}", remark.word, remark.explanation));
    }
  }
  const auto is_noisy = [](const ReportRow& row) { return !row.noise.empty(); };
  if (std::ranges::any_of(report.rows, is_noisy)) {
    all.emplace_back(
        "NOISY: the time, or that of its baseline, was measured beside other work; remove timing.json and --resume to "
        "repeat all times.");
  }
  for (const ReportRow& row : report.rows) {
    if (is_noisy(row)) all.push_back(fmt::format("noisy: {}: {}", row.cell.name, row.noise));
  }
  for (const ReportRow& row : report.rows) {
    for (const auto& [seed, error] : row.errors) {
      all.push_back(fmt::format("failed: {} seed {}: {}", row.cell.name, seed, error));
    }
  }
  return all;
}

}  // namespace canopy::harness
