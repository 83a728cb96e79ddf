#include <canopy/experiments/harness/table.hpp>

#include <algorithm>
#include <vector>

#include <canopy/experiments/harness/words.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

std::string ours(const Json& row, const std::string& field) {
  if (field == "leaves_used") return leaves_used(row);
  const std::string mean = mean_and_sd(row, field);
  const std::string best_of = best(row, field);
  return best_of.empty() ? mean : fmt::format("{} ({})", mean, best_of);
}

}  // namespace

TextTable make_table(const Json& report) {
  const auto columns = report["columns"].get<std::vector<std::string>>();
  const std::vector<std::string> fields = fields_in_paper(report);
  const auto in_paper = [&](const std::string& field) { return std::ranges::find(fields, field) != fields.end(); };
  std::vector<std::string> headings = {"cell"};
  for (const std::string& field : columns) {
    const std::string title = style_of(field).title;
    if (in_paper(field)) headings.push_back(title + " paper");
    headings.push_back(in_paper(field) ? "ours" : title);
  }
  headings.push_back("");
  TextTable table(std::move(headings));
  for (const Json& row : report["rows"]) {
    std::vector<std::string> line = {row["cell"].get<std::string>()};
    for (const std::string& field : columns) {
      if (in_paper(field)) line.push_back(papers(row, field));
      line.push_back(ours(row, field));
    }
    line.push_back(remarks(row, report["seeds"].get<std::int64_t>()));
    table.add(std::move(line));
  }
  return table;
}

std::string to_text(const Json& report) {
  const auto seeds = report["seeds"].get<std::int64_t>();
  std::string text = fmt::format("{}, preset {}, {} seed{}: {} of {}\n\n{}", report["experiment"].get<std::string>(),
                                 report["preset"].get<std::string>(), seeds, seeds == 1 ? "" : "s",
                                 report["artefact"].get<std::string>(), report["paper"].get<std::string>(),
                                 make_table(report).to_string());
  if (seeds > 1) text += "\nOurs: mean ± standard deviation (best).\n";
  for (const std::string& explanation : explanations(report)) text += "\n" + explanation + "\n";
  for (const std::string& failure : failures(report)) text += "\nfailed: " + failure;
  return text;
}

}  // namespace canopy::harness
