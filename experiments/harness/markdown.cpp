#include <canopy/experiments/harness/markdown.hpp>

#include <algorithm>
#include <vector>

#include <canopy/experiments/harness/words.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::harness {
namespace {

using Line = std::vector<std::string>;

std::string table_row(const Line& cells) {
  std::string row = "|";
  for (std::string cell : cells) {
    for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, 1, '\\');
    row += fmt::format(" {} |", cell);
  }
  return row + "\n";
}

/// Whether any row has a standard deviation of this field: only then are there a best and an interval.
bool is_spread(const Json& report, const std::string& field) {
  return style_of(field).accuracy && std::ranges::any_of(report["rows"], [&](const Json& row) {
           const Json value = row.value(field, Json());
           return value.is_object() && !value["sd"].is_null();
         });
}

std::string ours(const Json& row, const std::string& field) {
  return field == "leaves_used" ? leaves_used(row) : mean_and_sd(row, field);
}

}  // namespace

std::string to_markdown(const Json& report) {
  const auto columns = report["columns"].get<std::vector<std::string>>();
  const std::vector<std::string> papers_fields = fields_in_paper(report);
  const auto in_paper = [&](const std::string& field) { return std::ranges::count(papers_fields, field) > 0; };
  const auto seeds = report["seeds"].get<std::int64_t>();

  Line headings = {"cell"};
  for (const std::string& field : columns) {
    const std::string title = style_of(field).title;
    if (in_paper(field)) headings.push_back(title + " paper");
    headings.push_back(in_paper(field) ? title + " ours" : title);
    if (is_spread(report, field)) headings.insert(headings.end(), {"best", "95 % interval"});
  }
  headings.insert(headings.end(), {"seeds", "remarks"});
  std::string text = fmt::format("# {}\n\n{} of {}; preset `{}`.", report["experiment"].get<std::string>(),
                                 report["artefact"].get<std::string>(), report["paper"].get<std::string>(),
                                 report["preset"].get<std::string>());
  if (seeds > 1) text += " Ours: mean ± standard deviation of the seeds; the interval is the mean's, by Student's t.";
  text += "\n\n" + table_row(headings) + table_row(Line(headings.size(), "---"));
  for (const Json& row : report["rows"]) {
    Line line = {fmt::format("`{}`", row["cell"].get<std::string>())};
    for (const std::string& field : columns) {
      if (in_paper(field)) line.push_back(papers(row, field));
      line.push_back(ours(row, field));
      if (is_spread(report, field)) line.insert(line.end(), {best(row, field), interval(row, field)});
    }
    line.push_back(std::to_string(row["seeds_done"].get<std::int64_t>()));
    line.push_back(remarks(row, seeds));
    text += table_row(line);
  }
  for (const std::string& explanation : explanations(report)) text += "\n" + explanation + "\n";
  for (const std::string& failure : failures(report)) text += "\n- failed: " + failure;
  return text;
}

}  // namespace canopy::harness
