#include <canopy/experiments/harness/page.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include <canopy/experiments/harness/metrics.hpp>
#include <canopy/experiments/harness/table.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

constexpr const char* style = R"(
body { font: 15px/1.5 sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; }
th, td { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; font-family: monospace; }
td:last-child { color: #b00; }
figure { display: inline-block; margin: 1em 1em 0 0; }
figcaption { font: 12px monospace; }
)";
constexpr const char* colours[] = {"#1f6fb4", "#d9730d", "#2a9d4a", "#c0392b", "#8257a8", "#7a5c3e"};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string html_table(const TextTable& table) {
  std::string out = "<table>\n";
  for (const auto& row : table.rows()) {
    const char* tag = &row == &table.rows().front() ? "th" : "td";
    out += "<tr>";
    for (const std::string& cell : row) out += fmt::format("<{0}>{1}</{0}>", tag, escaped(cell));
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

struct Line {
  std::string name;
  std::size_t colour;
  std::vector<double> values;
};

/// The accuracies of all seeds of a cell.
std::vector<Line> accuracies(const RunDirectory& directory, const std::string& cell, std::int64_t seeds) {
  std::vector<Line> lines;
  for (std::int64_t seed = 0; seed < seeds; ++seed) {
    std::size_t colour = 0;
    for (const auto& [name, values] : read_metrics(directory.cell(cell, seed) / "metrics.csv")) {
      if (name.find("accuracy") == std::string::npos) continue;
      lines.push_back({name, colour++ % std::size(colours), values});
    }
  }
  return lines;
}

std::string plot(const std::string& cell, const std::vector<Line>& lines) {
  constexpr double width = 300, height = 160, left = 36, bottom = 16;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::size_t longest = 2;
  for (const Line& line : lines) {
    for (const double value : line.values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    longest = std::max(longest, line.values.size());
  }
  if (!(low <= high)) return "";
  low = std::floor(low - 0.5);
  high = std::ceil(high + 0.5);
  const auto x = [&](std::size_t i) {
    return left + (width - left) * static_cast<double>(i) / static_cast<double>(longest - 1);
  };
  const auto y = [&](double value) { return (height - bottom) * (high - value) / (high - low); };

  std::string out = fmt::format("<figure><svg width='{}' height='{}' viewBox='-4 -6 {} {}'>\n", width + 8, height + 10,
                                width + 8, height + 10);
  for (const double tick : {low, (low + high) / 2, high}) {
    out += fmt::format(
        "<line x1='{0}' x2='{1}' y1='{2:.1f}' y2='{2:.1f}' stroke='#ddd'/>"
        "<text x='{3}' y='{4:.1f}' font-size='10' text-anchor='end'>{5:g}</text>\n",
        left, width, y(tick), left - 4, y(tick) + 3, tick);
  }
  std::vector<std::string> legend;
  for (const Line& line : lines) {
    std::string points;
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      if (std::isfinite(line.values[i])) points += fmt::format("{:.1f},{:.1f} ", x(i), y(line.values[i]));
    }
    out += fmt::format("<polyline fill='none' stroke='{}' points='{}'/>\n", colours[line.colour], points);
    const std::string entry = fmt::format("<tspan fill='{}'>{} </tspan>", colours[line.colour], escaped(line.name));
    if (std::ranges::find(legend, entry) == legend.end()) legend.push_back(entry);
  }
  out += fmt::format("<text x='{}' y='{}' font-size='10'>", left, height);
  for (const std::string& entry : legend) out += entry;
  return out + fmt::format("</text></svg><figcaption>{}</figcaption></figure>\n", cell);
}

}  // namespace

std::string to_html(const Json& report, const RunDirectory& directory) {
  const std::string name = escaped(report["experiment"].get<std::string>());
  const auto seeds = report["seeds"].get<std::int64_t>();
  std::string out = fmt::format(
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{0}</title><style>{1}</style></head><body>\n"
      "<h1>{0}</h1>\n<p>{2} of {3}; preset {4}, {5} seed{6}. Several seeds: mean ± standard deviation (best).</p>\n",
      name, style, escaped(report["artefact"].get<std::string>()), escaped(report["paper"].get<std::string>()),
      escaped(report["preset"].get<std::string>()), seeds, seeds == 1 ? "" : "s");
  out += html_table(make_table(report));
  for (const Json& row : report["rows"]) {
    const std::string cell = row["cell"].get<std::string>();
    out += plot(cell, accuracies(directory, cell, seeds));
  }
  return out + "</body></html>\n";
}

}  // namespace canopy::harness
