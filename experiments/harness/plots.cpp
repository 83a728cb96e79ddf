#include <canopy/experiments/harness/plots.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <canopy/experiments/harness/metrics.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::harness {
namespace {

using Columns = std::vector<std::pair<std::string, std::vector<double>>>;

const std::vector<double>* find(const Columns& columns, const std::string& name) {
  const auto found = std::ranges::find(columns, name, &Columns::value_type::first);
  return found == columns.end() ? nullptr : &found->second;
}

/// What a cell's seeds have recorded.
struct Recorded {
  struct Seed {
    Columns metrics;
    std::vector<double> numbers;  ///< after how many epochs or steps each row was written
    std::vector<double> seconds;  ///< the same by the clock; empty without one
  };
  std::string cell;
  std::vector<Seed> seeds;
};

/// The rows are numbered by what they begin with, and stand for what they end with.
std::vector<double> ends(std::vector<double> numbers) {
  const double stride = numbers.size() > 1 ? numbers[1] - numbers[0] : 1;
  for (double& number : numbers) number += stride;
  return numbers;
}

Recorded read_cell(const RunDirectory& directory, const std::string& cell, std::int64_t seeds) {
  Recorded recorded{.cell = cell, .seeds = {}};
  for (std::int64_t seed = 0; seed < seeds; ++seed) {
    const auto folder = directory.cell(cell, seed);
    Columns metrics = read_metrics(folder / "metrics.csv");
    if (metrics.empty()) continue;
    std::vector<double> numbers = ends(metrics[0].second);
    const Columns clock = read_metrics(folder / "clock.csv");
    const std::vector<double>* seconds = find(clock, "seconds");
    recorded.seeds.push_back({std::move(metrics), std::move(numbers), seconds ? *seconds : std::vector<double>()});
  }
  return recorded;
}

enum class Against { rows, seconds };

/// The mean of the seeds that have these values, in the band of all of them.
Line line_of(const Recorded& recorded, const std::string& column, Against against) {
  std::vector<std::pair<const std::vector<double>*, const std::vector<double>*>> seeds;  // x, y
  for (const Recorded::Seed& seed : recorded.seeds) {
    const std::vector<double>& x = against == Against::rows ? seed.numbers : seed.seconds;
    const std::vector<double>* y = find(seed.metrics, column);
    if (y != nullptr && !x.empty()) seeds.emplace_back(&x, y);
  }
  Line line;
  if (seeds.empty()) return line;
  std::size_t rows = seeds.front().second->size();
  for (const auto& [x, y] : seeds) rows = std::min({rows, x->size(), y->size()});
  const auto n = static_cast<double>(seeds.size());
  for (std::size_t i = 0; i < rows; ++i) {
    double sum_x = 0, sum = 0, low = (*seeds.front().second)[i], high = low;
    for (const auto& [x, y] : seeds) {
      sum_x += (*x)[i];
      sum += (*y)[i];
      low = std::min(low, (*y)[i]);
      high = std::max(high, (*y)[i]);
    }
    line.x.push_back(sum_x / n);
    line.y.push_back(sum / n);
    if (seeds.size() < 2) continue;
    line.low.push_back(std::isfinite(sum) ? low : sum);
    line.high.push_back(std::isfinite(sum) ? high : sum);
  }
  return line;
}

bool has_values(const Line& line) {
  return std::ranges::any_of(line.y, [](double y) { return std::isfinite(y); });
}

/// "training width 16"; a text stands for itself, a path by its last name; nothing for none.
std::string words(const std::string& name, const Label& label) {
  if (const auto* text = std::get_if<std::string>(&label)) return text->substr(text->rfind('/') + 1);
  const auto* number = std::get_if<std::int64_t>(&label);
  if (number == nullptr) return "";
  std::string title = name;
  std::ranges::replace(title, '_', ' ');
  return fmt::format("{} {}", title, *number);
}

/// What the cells of a group have in common.
std::string words(const Cell& cell, const std::vector<std::string>& labels) {
  std::vector<std::string> all;
  for (const std::string& name : labels) {
    const Label* label = cell.labels.find(name);
    std::string text = label == nullptr ? "" : words(name, *label);
    if (!text.empty()) all.push_back(std::move(text));
  }
  return fmt::format("{}", fmt::join(all, ", "));
}

/// Cells that have these labels in common, in the order of the table.
using Group = std::vector<const ReportRow*>;
std::vector<Group> grouped(const Group& rows, const std::vector<std::string>& labels) {
  const auto key = [&](const ReportRow& row) {
    std::vector<Label> values;
    for (const std::string& name : labels) {
      const Label* label = row.cell.labels.find(name);
      values.push_back(label == nullptr ? Label() : *label);
    }
    return values;
  };
  std::vector<std::pair<std::vector<Label>, Group>> groups;
  for (const ReportRow* row : rows) {
    auto found = std::ranges::find(groups, key(*row), [](const auto& group) { return group.first; });
    if (found == groups.end()) found = groups.insert(groups.end(), {key(*row), {}});
    found->second.push_back(row);
  }
  std::vector<Group> all;
  for (auto& [values, group] : groups) all.push_back(std::move(group));
  return all;
}

/// How much of the cells' names, up to a dash, they have in common: it says nothing in a legend.
std::size_t common_beginning(const Group& rows) {
  const std::string& first = rows.front()->cell.name;
  if (rows.size() < 2) return 0;
  std::size_t length = first.size();
  for (const ReportRow* row : rows) {
    const std::string& name = row->cell.name;
    const auto end = static_cast<std::size_t>(std::ranges::mismatch(first, name).in1 - first.begin());
    length = std::min(length, end);
  }
  return length == 0 ? 0 : first.rfind('-', length - 1) + 1;
}

Panel panel_of(const Group& rows, const std::vector<Recorded>& recorded, const Chart& chart, Against against) {
  Panel panel{.title = words(rows.front()->cell, chart.panels), .lines = {}};
  const std::size_t common = common_beginning(rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto cell = std::ranges::find(recorded, rows[i]->cell.name, &Recorded::cell);
    bool titled = false;
    for (const Curve& curve : chart.curves) {
      Line line = line_of(*cell, curve.column, against);
      if (!has_values(line)) continue;
      line.colour = colour(i);
      if (!titled) line.title = rows[i]->cell.name.substr(common);
      titled = true;
      if (curve.dashed) {
        line.width = 1;
        line.dashes = 3;
        line.low.clear();  // one band a cell
        line.high.clear();
      }
      panel.lines.push_back(std::move(line));
    }
  }
  return panel;
}

/// "error m: validation, dashed train"
std::string axis(const Chart& chart, const Measures& measures) {
  std::vector<std::string> titles;
  for (const Curve& curve : chart.curves) {
    const Metric metric = measures.metric(curve.column);
    titles.push_back((curve.dashed ? "dashed " : "") + (metric.title.empty() ? metric.name : metric.title));
  }
  return fmt::format("{}{}{}: {}", chart.name, chart.unit.empty() ? "" : " ", chart.unit, fmt::join(titles, ", "));
}

/// Letters, digits, '-' and '.'
std::string file_name(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '.'; }, '-');
  return text;
}

Figure figure_of(const Group& rows, const std::vector<Recorded>& recorded, const Chart& chart, Against against,
                 const Report& report) {
  const std::string title = words(rows.front()->cell, chart.figures);
  std::string unit = "epoch";
  for (const Recorded& cell : recorded) {
    if (!cell.seeds.empty()) unit = cell.seeds.front().metrics.front().first;
  }
  const bool falls = !chart.curves.empty() && report.measures.metric(chart.curves[0].column).better == Better::lower;
  Figure figure{.name = file_name(chart.name + (against == Against::seconds ? "-seconds" : "") +
                                  (title.empty() ? "" : "-") + title),
                .title = title.empty() ? report.experiment : title,
                .x_label = against == Against::seconds ? "seconds of training" : unit,
                .y_label = axis(chart, report.measures),
                .legend = falls ? "top right" : "bottom right",
                .panels = {}};
  for (const Group& group : grouped(rows, chart.panels)) {
    Panel panel = panel_of(group, recorded, chart, against);
    if (!panel.lines.empty()) figure.panels.push_back(std::move(panel));
  }
  return figure;
}

/// Files do not take each other's place.
void make_names_unique(std::vector<Figure>& figures) {
  std::set<std::string> taken;
  for (Figure& figure : figures) {
    const std::string name = figure.name;
    for (int i = 2; !taken.insert(figure.name).second; ++i) figure.name = fmt::format("{}-{}", name, i);
  }
}

}  // namespace

std::vector<Figure> figures(const Report& report, const Experiment& experiment, const RunDirectory& directory) {
  std::vector<Recorded> recorded;
  Group rows;
  for (const ReportRow& row : report.rows) {
    recorded.push_back(read_cell(directory, row.cell.name, report.seeds));
    rows.push_back(&row);
  }
  std::vector<Figure> all;
  for (const Chart& chart : report.measures.charts) {
    for (const Group& group : grouped(rows, chart.figures)) {
      for (const Against against : {Against::rows, Against::seconds}) {
        Figure figure = figure_of(group, recorded, chart, against, report);
        if (!figure.panels.empty()) all.push_back(std::move(figure));
      }
    }
  }
  if (experiment.figures) {
    for (const ReportRow& row : report.rows) {
      for (std::int64_t seed = 0; seed < report.seeds; ++seed) {
        std::ranges::move(experiment.figures(directory.cell(row.cell.name, seed), row.cell.name, seed),
                          std::back_inserter(all));
      }
    }
  }
  make_names_unique(all);
  return all;
}

}  // namespace canopy::harness
