#include <canopy/experiments/harness/plots.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include <canopy/experiments/harness/metrics.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

constexpr const char* colours[] = {"#1f6fb4", "#d9730d", "#2a9d4a", "#c0392b", "#8257a8", "#7a5c3e", "#4a4a4a"};

std::string colour(std::size_t i) { return colours[i % std::size(colours)]; }

/// A column of the metrics of all seeds, averaged as far as every seed has it.
Line mean_line(const RunDirectory& directory, const std::string& cell, std::int64_t seeds, const std::string& column) {
  std::vector<std::vector<double>> all;
  for (std::int64_t seed = 0; seed < seeds; ++seed) {
    for (auto& [name, values] : read_metrics(directory.cell(cell, seed) / "metrics.csv")) {
      if (name == column) all.push_back(std::move(values));
    }
  }
  Line line;
  if (all.empty()) return line;
  const std::size_t shortest = std::ranges::min(all, {}, &std::vector<double>::size).size();
  for (std::size_t i = 0; i < shortest; ++i) {
    double sum = 0;
    for (const std::vector<double>& values : all) sum += values[i];
    line.x.push_back(static_cast<double>(i + 1));
    line.y.push_back(sum / static_cast<double>(all.size()));
  }
  return line;
}

bool has_values(const Line& line) {
  return std::ranges::any_of(line.y, [](double y) { return std::isfinite(y); });
}

std::string text(const Json& row, const char* field) { return row[field].get<std::string>(); }

/// By data set and recipe, then by training width.
using Groups = std::map<std::pair<std::string, std::string>, std::map<std::int64_t, std::vector<std::string>>>;

Groups group(const Json& report) {
  Groups groups;
  for (const Json& row : report["rows"]) {
    const Json& width = row["training_width"];
    groups[{text(row, "dataset"), text(row, "recipe")}][width.is_null() ? 0 : width.get<std::int64_t>()].push_back(
        text(row, "cell"));
  }
  return groups;
}

Panel accuracy_panel(const RunDirectory& directory, std::int64_t width, const std::vector<std::string>& cells,
                     std::int64_t seeds) {
  Panel panel{.title = width > 0 ? fmt::format("training width {}", width) : "", .lines = {}};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    Line validation = mean_line(directory, cells[i], seeds, "validation_accuracy");
    Line train = mean_line(directory, cells[i], seeds, "train_accuracy");
    validation.title = cells[i];
    train.width = 1;
    train.dashes = 3;
    for (Line* line : {&validation, &train}) {
      line->colour = colour(i);
      if (has_values(*line)) panel.lines.push_back(std::move(*line));
    }
  }
  return panel;
}

/// "accuracy-mnist-canopy"; an idx: folder is told by its name.
std::string file_name(const std::string& kind, const std::string& dataset, const std::string& recipe) {
  std::string name = kind;
  for (const std::string& part : {dataset.substr(dataset.rfind('/') + 1), recipe}) {
    if (!part.empty()) name += fmt::format("-{}", part);
  }
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '.'; }, '-');
  return name;
}

/// The level of a node in the order of the levels: 0, 1 1, 2 2 2 2, ...
std::size_t level_of(std::size_t node) { return static_cast<std::size_t>(std::log2(node + 1)); }

/// Thin lines for the nodes, wide ones for the means of their levels.
Figure entropy_figure(const std::string& cell, std::int64_t seed,
                      const std::vector<std::pair<std::string, std::vector<double>>>& columns) {
  std::vector<Line> nodes, levels;
  for (std::size_t i = 1; i < columns.size(); ++i) {
    const auto& [name, values] = columns[i];
    Line line{.title = "", .colour = "", .x = columns[0].second, .y = values};
    line.x.resize(std::min(line.x.size(), line.y.size()));
    line.y.resize(line.x.size());
    if (!has_values(line)) continue;
    if (name.starts_with("entropy_node_")) {
      line.colour = colour(level_of(nodes.size()));
      line.width = 0.5;
      nodes.push_back(std::move(line));
    } else {
      line.title = fmt::format("level {}", levels.size());
      line.colour = colour(levels.size());
      line.width = 3;
      levels.push_back(std::move(line));
    }
  }
  std::ranges::move(levels, std::back_inserter(nodes));
  return {.name = fmt::format("entropies-{}-{}", cell, seed),
          .title = fmt::format("{}, seed {}", cell, seed),
          .x_label = columns.empty() ? "" : columns[0].first,
          .y_label = "batch mean of the decision entropy, nats",
          .legend = "top right",
          .panels = {{.title = "", .lines = std::move(nodes)}}};
}

}  // namespace

std::vector<Figure> figures(const Json& report, const RunDirectory& directory) {
  const auto seeds = report["seeds"].get<std::int64_t>();
  std::vector<Figure> all;
  for (const auto& [name, widths] : group(report)) {
    Figure figure{.name = file_name("accuracy", name.first, name.second),
                  .title = fmt::format("{} {}", name.first, name.second),
                  .x_label = "epoch",
                  .y_label = "accuracy %: validation, dashed train",
                  .legend = "bottom right",
                  .panels = {}};
    for (const auto& [width, cells] : widths) {
      Panel panel = accuracy_panel(directory, width, cells, seeds);
      if (!panel.lines.empty()) figure.panels.push_back(std::move(panel));
    }
    if (!figure.panels.empty()) all.push_back(std::move(figure));
  }
  for (const Json& row : report["rows"]) {
    for (std::int64_t seed = 0; seed < seeds; ++seed) {
      const std::string cell = text(row, "cell");
      Figure figure = entropy_figure(cell, seed, read_metrics(directory.cell(cell, seed) / "entropies.csv"));
      if (!figure.panels[0].lines.empty()) all.push_back(std::move(figure));
    }
  }
  return all;
}

}  // namespace canopy::harness
