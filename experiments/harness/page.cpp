#include <canopy/experiments/harness/page.hpp>

#include <string_view>

#include <canopy/experiments/harness/table.hpp>
#include <canopy/experiments/harness/words.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

constexpr const char* style = R"(
body { font: 15px/1.5 sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; }
th, td { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; font-family: monospace; }
td:last-child { color: #b00; }
figure { margin: 1em 0 0 0; }
)";

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

}  // namespace

std::string to_html(const Report& report, const std::vector<Figure>& figures) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{0}</title><style>{1}</style></head><body>\n"
      "<h1>{0}</h1>\n<p>{2}. Several seeds: mean ± standard deviation (best).</p>\n",
      escaped(report.experiment), style, escaped(subtitle(report)));
  out += html_table(make_table(report, TableForm::compact));
  for (const std::string& note : notes(report)) out += fmt::format("<p>{}</p>\n", escaped(note));
  for (const Figure& figure : figures) {
    const std::string svg = to_svg(figure);
    out += fmt::format("<figure>{}</figure>\n", svg.substr(svg.find("<svg")));  // without the XML declaration
  }
  return out + "</body></html>\n";
}

}  // namespace canopy::harness
