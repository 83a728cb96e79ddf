#include <canopy/experiments/training/entropy_figures.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>

#include <canopy/experiments/harness/metrics.hpp>

#include <fmt/format.h>

namespace canopy::training {
namespace {

using harness::Line;

/// The level of a node in the order of the levels: 0, 1 1, 2 2 2 2, ...
std::size_t level_of(std::size_t node) { return static_cast<std::size_t>(std::log2(node + 1)); }

bool has_values(const Line& line) {
  return std::ranges::any_of(line.y, [](double y) { return std::isfinite(y); });
}

}  // namespace

std::vector<harness::Figure> entropy_figures(const std::filesystem::path& folder, const std::string& cell,
                                             std::int64_t seed) {
  const auto columns = harness::read_metrics(folder / "entropies.csv");
  std::vector<Line> nodes, levels;
  for (std::size_t i = 1; i < columns.size(); ++i) {
    const auto& [name, values] = columns[i];
    Line line{.title = "", .colour = "", .x = columns[0].second, .y = values};
    line.x.resize(std::min(line.x.size(), line.y.size()));
    line.y.resize(line.x.size());
    if (!has_values(line)) continue;
    if (name.starts_with("entropy_node_")) {
      line.colour = harness::colour(level_of(nodes.size()));
      line.width = 0.5;
      nodes.push_back(std::move(line));
    } else {
      line.title = name.substr(std::string_view("entropy_").size());  // "level_0", "layer_1"
      std::ranges::replace(line.title, '_', ' ');
      line.colour = harness::colour(levels.size());
      line.width = 3;
      levels.push_back(std::move(line));
    }
  }
  std::ranges::move(levels, std::back_inserter(nodes));
  if (nodes.empty()) return {};
  return {{.name = fmt::format("entropies-{}-{}", cell, seed),
           .title = fmt::format("{}, seed {}", cell, seed),
           .x_label = columns[0].first,
           .y_label = "batch mean of the decision entropy, nats",
           .legend = "top right",
           .panels = {{.title = "", .lines = std::move(nodes)}}}};
}

}  // namespace canopy::training
