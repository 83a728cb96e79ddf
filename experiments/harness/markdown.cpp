#include <canopy/experiments/harness/markdown.hpp>

#include <vector>

#include <canopy/experiments/harness/table.hpp>
#include <canopy/experiments/harness/words.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

std::string table_row(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (std::string cell : cells) {
    for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, 1, '\\');
    row += fmt::format(" {} |", cell);
  }
  return row + "\n";
}

std::string markdown_table(const TextTable& table) {
  const std::vector<std::string>& headings = table.rows().front();
  std::string text = table_row(headings) + table_row(std::vector<std::string>(headings.size(), "---"));
  for (std::size_t i = 1; i < table.rows().size(); ++i) {
    std::vector<std::string> row = table.rows()[i];
    row.front() = fmt::format("`{}`", row.front());
    text += table_row(row);
  }
  return text;
}

}  // namespace

std::string to_markdown(const Report& report) {
  std::string text = fmt::format("# {}\n\n{}.", report.experiment, subtitle(report));
  if (report.seeds > 1) {
    text += " Ours: mean ± standard deviation of the seeds; the interval is the mean's, by Student's t.";
  }
  text += "\n\n" + markdown_table(make_table(report, TableForm::full));
  for (const std::string& note : notes(report)) text += fmt::format("\n- {}", note);
  return text + "\n";
}

}  // namespace canopy::harness
