#include <canopy/experiments/harness/table.hpp>

#include <algorithm>
#include <functional>
#include <vector>

#include <canopy/experiments/harness/words.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

struct Column {
  std::string heading;
  std::function<std::string(const ReportRow&)> content;
};

std::vector<Column> columns_of(const Metric& metric, const Report& report, TableForm form) {
  const auto any = [&](std::optional<double> Statistic::*member) {
    return std::ranges::any_of(report.rows,
                               [&](const ReportRow& row) { return (row.statistic(metric.name).*member).has_value(); });
  };
  const auto of_statistic = [&](std::string (*words)(const Statistic&, const Metric&)) {
    return [metric, words](const ReportRow& row) { return words(row.statistic(metric.name), metric); };
  };
  std::vector<Column> columns;
  const bool in_paper = any(&Statistic::paper);
  const std::string title = heading(metric);
  if (in_paper) columns.push_back({title + " paper", of_statistic(papers)});
  if (form == TableForm::compact) {
    columns.push_back({in_paper ? "ours" : title, [metric](const ReportRow& row) {
                         const std::string best_of = best(row.statistic(metric.name), metric);
                         return mean_and_sd(row, metric) + (best_of.empty() ? "" : fmt::format(" ({})", best_of));
                       }});
    return columns;
  }
  columns.push_back(
      {in_paper ? title + " ours" : title, [metric](const ReportRow& row) { return mean_and_sd(row, metric); }});
  if (metric.main && any(&Statistic::sd)) {  // only then are there a best and an interval
    if (metric.better != Better::neither) columns.push_back({"best", of_statistic(best)});
    columns.push_back({"95 % interval", of_statistic(interval)});
  }
  return columns;
}

}  // namespace

TextTable make_table(const Report& report, TableForm form) {
  std::vector<Column> columns = {{"cell", [](const ReportRow& row) { return row.cell.name; }}};
  for (const std::string& name : report.columns) {
    std::ranges::move(columns_of(report.measures.metric(name), report, form), std::back_inserter(columns));
  }
  if (form == TableForm::full) {
    columns.push_back({"seeds", [](const ReportRow& row) { return std::to_string(row.seeds_done); }});
  }
  columns.push_back(
      {form == TableForm::full ? "remarks" : "", [&](const ReportRow& row) { return remarks(row, report.seeds); }});

  std::vector<std::string> headings;
  for (const Column& column : columns) headings.push_back(column.heading);
  TextTable table(std::move(headings));
  for (const ReportRow& row : report.rows) {
    std::vector<std::string> line;
    for (const Column& column : columns) line.push_back(column.content(row));
    table.add(std::move(line));
  }
  return table;
}

std::string to_text(const Report& report) {
  std::string text = fmt::format("{}: {}\n\n{}", report.experiment, subtitle(report),
                                 make_table(report, TableForm::compact).to_string());
  if (report.seeds > 1) text += "\nOurs: mean ± standard deviation (best).\n";
  for (const std::string& note : notes(report)) text += "\n" + note + "\n";
  return text;
}

}  // namespace canopy::harness
