#include <canopy/experiments/harness/table.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::harness {
namespace {

struct Style {
  const char* title;
  int digits;
};

Style style_of(const std::string& field) {
  static const std::map<std::string, Style> styles = {{"m_a", {"M_A %", 2}},
                                                      {"m_a_ett", {"ETT", 0}},
                                                      {"g_a", {"G_A %", 2}},
                                                      {"g_a_ett", {"ETT", 0}},
                                                      {"leaves_used", {"leaves used", 1}},
                                                      {"maximum_leaf_load", {"max load %", 1}},
                                                      {"entropy", {"entropy", 3}},
                                                      {"epochs", {"epochs", 0}},
                                                      {"microseconds_a_sample", {"us/sample", 3}},
                                                      {"speedup", {"speedup", 2}},
                                                      {"speedup_inference_size", {"same size", 2}}};
  const auto found = styles.find(field);
  return found == styles.end() ? Style{field.c_str(), 2} : found->second;
}

/// Without the zeros of a whole number where the digits are only for means.
std::string ours(const Json& row, const std::string& field) {
  const Json value = row.value(field, Json());
  if (!value.is_object() || value["mean"].is_null()) return "";
  const int digits = style_of(field).digits;
  const auto seeds = value["seeds"].get<std::int64_t>();
  const double mean = value["mean"].get<double>();
  if (field == "leaves_used") {
    const Json& leaves = row["leaves"]["mean"];
    return fmt::format("{:.{}f}{}", mean, seeds > 1 ? digits : 0,
                       leaves.is_null() ? "" : fmt::format("/{:.0f}", leaves.get<double>()));
  }
  if (seeds <= 1 || value["sd"].is_null()) return fmt::format("{:.{}f}", mean, digits);
  return fmt::format("{:.{}f} ± {:.{}f} ({:.{}f})", mean, digits, value["sd"].get<double>(), digits,
                     value["best"].get<double>(), digits);
}

std::string papers(const Json& row, const std::string& field) {
  const Json value = row.value(field, Json());
  if (!value.is_object() || !value.contains("paper")) return "";
  return fmt::format("{:.{}f}", value["paper"].get<double>(), field == "speedup" ? 2 : 1);
}

std::string remarks(const Json& row, std::int64_t seeds) {
  std::vector<std::string> all;
  const auto done = row["seeds_done"].get<std::int64_t>();
  const auto collapsed = row["collapsed"].get<std::int64_t>();
  const auto failed = row["seeds_failed"].get<std::int64_t>();
  if (collapsed > 0) all.push_back(seeds == 1 ? "COLLAPSED" : fmt::format("COLLAPSED {}/{}", collapsed, done));
  if (failed > 0) all.push_back(seeds == 1 ? "FAILED" : fmt::format("FAILED {}/{}", failed, seeds));
  if (done + failed < seeds) all.push_back(fmt::format("{}/{} seeds", done, seeds));
  return fmt::format("{}", fmt::join(all, ", "));
}

}  // namespace

TextTable make_table(const Json& report) {
  const Json& rows = report["rows"];
  const auto columns = report["columns"].get<std::vector<std::string>>();
  std::set<std::string> in_paper;
  for (const Json& row : rows) {
    for (const std::string& field : columns) {
      if (!papers(row, field).empty()) in_paper.insert(field);
    }
  }
  std::vector<std::string> headings = {"cell"};
  for (const std::string& field : columns) {
    const std::string title = style_of(field).title;
    if (in_paper.contains(field)) headings.push_back(title + " paper");
    headings.push_back(in_paper.contains(field) ? "ours" : title);
  }
  headings.push_back("");
  TextTable table(std::move(headings));
  for (const Json& row : rows) {
    std::vector<std::string> line = {row["cell"].get<std::string>()};
    for (const std::string& field : columns) {
      if (in_paper.contains(field)) line.push_back(papers(row, field));
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
  if (std::ranges::any_of(report["rows"], [](const Json& row) { return row["collapsed"].get<int>() > 0; })) {
    text += "\nCOLLAPSED: over 90 % of the inputs reach one leaf, so the accuracy is that of one small network.\n";
  }
  for (const Json& row : report["rows"]) {
    for (const Json& error : row["errors"]) {
      text += fmt::format("\nfailed: {} seed {}: {}", row["cell"].get<std::string>(), error["seed"].get<std::int64_t>(),
                          error["error"].get<std::string>());
    }
  }
  return text;
}

}  // namespace canopy::harness
