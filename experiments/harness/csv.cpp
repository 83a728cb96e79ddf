#include <canopy/experiments/harness/csv.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = text;
  for (std::size_t at = 0; (at = out.find('"', at)) != std::string::npos; at += 2) out.insert(at, 1, '"');
  return fmt::format("\"{}\"", out);
}

struct ToText {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(const std::string& text) const { return text; }
};

std::string text_of(const std::optional<double>& number) { return number ? fmt::format("{}", *number) : ""; }

/// One row: its cells are separated where they are added.
class CsvRow {
 public:
  void add(const std::string& cell) { text_ += fmt::format(",{}", quoted(cell)); }
  std::string end() const { return text_.substr(1) + "\n"; }

 private:
  std::string text_;
};

void add_new(std::vector<std::string>& names, const std::string& name) {
  if (std::ranges::find(names, name) == names.end()) names.push_back(name);
}

}  // namespace

std::string to_csv(const Report& report) {
  // In the order of their first appearance.
  std::vector<std::string> labels, metrics;
  for (const ReportRow& row : report.rows) {
    for (const auto& [name, value] : row.cell.labels) add_new(labels, name);
    for (const auto& [name, statistic] : row.statistics) {
      if (statistic.mean || statistic.paper) add_new(metrics, name);
    }
  }

  CsvRow headings;
  headings.add("cell");
  for (const std::string& name : labels) headings.add(name);
  for (const char* name : {"status", "seeds_done", "seeds_failed"}) headings.add(name);
  for (const Remark& remark : report.measures.remarks) headings.add(field_of(remark.word));
  headings.add("noisy");
  for (const std::string& name : metrics) {
    for (const char* part : {"paper", "mean", "sd", "best", "low", "high", "seeds"}) {
      headings.add(fmt::format("{}_{}", name, part));
    }
  }
  std::string text = headings.end();

  for (const ReportRow& row : report.rows) {
    CsvRow line;
    line.add(row.cell.name);
    for (const std::string& name : labels) {
      const Label* label = row.cell.labels.find(name);
      line.add(label == nullptr ? "" : std::visit(ToText(), *label));
    }
    line.add(row.status);
    line.add(std::to_string(row.seeds_done));
    line.add(std::to_string(row.errors.size()));
    for (const RemarkCount& remark : row.remarks) line.add(std::to_string(remark.seeds));
    line.add(!row.noise.empty() ? "true" : "false");
    for (const std::string& name : metrics) {
      const Statistic& statistic = row.statistic(name);
      for (const auto& number :
           {statistic.paper, statistic.mean, statistic.sd, statistic.best, statistic.low, statistic.high}) {
        line.add(text_of(number));
      }
      line.add(row.statistics.find(name) == nullptr ? "" : std::to_string(statistic.seeds));
    }
    text += line.end();
  }
  return text;
}

}  // namespace canopy::harness
