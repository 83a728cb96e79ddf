#include <canopy/core/environment.hpp>
#include <canopy/experiments/harness/benchmark.hpp>
#include <canopy/experiments/harness/run_directory.hpp>
#include <canopy/experiments/harness/text_table.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {

Json to_json(const Row& row) {
  std::optional<double> baseline, ratio;
  if (row.baseline) baseline = row.baseline->milliseconds;
  if (baseline) ratio = *baseline / row.timing.milliseconds;
  const std::string why = row.noise();
  Json json = {{"name", row.name},
               {"batch", row.batch},
               {"milliseconds", row.timing.milliseconds},
               {"spread", row.timing.spread},
               {"repetitions", row.timing.repetitions},
               {"baseline", harness::number(baseline)},
               {"ratio", harness::number(ratio)},
               {"noisy", !why.empty()},
               {"why", why}};
  json.update(row.more);
  return json;
}

Json to_json(const Benchmark& benchmark, const BenchOptions& options, const std::vector<Row>& rows) {
  if (benchmark.flat) {
    Json flat = {{"canopy", environment().version}, {"threads", options.threads}};
    for (const Row& row : rows) flat[row.name] = row.timing.milliseconds;
    for (const Row& row : rows) {
      if (!row.noise().empty()) flat["noisy"][row.name] = row.noise();
    }
    return flat;
  }
  Json list = Json::array();
  for (const Row& row : rows) list.push_back(to_json(row));
  Json json = {{"benchmark", benchmark.name},
               {"threads", options.threads},
               {"environment", harness::environment_json()},
               {"rows", list}};
  if (benchmark.summarise) json["summary"] = benchmark.summarise(rows);
  return json;
}

std::string to_text(const Benchmark& benchmark, const std::vector<Row>& rows) {
  std::vector<std::string> headings = {"name", "batch", "ms", "± ms", "baseline ms", "ratio"};
  Json fields = Json::object();  // of any row, in the order in which they come
  for (const Row& row : rows) fields.update(row.more);
  for (const auto& [name, value] : fields.items()) headings.push_back(name);
  headings.emplace_back("");
  const std::size_t columns = headings.size();
  harness::TextTable table(std::move(headings));
  for (const Row& row : rows) {
    std::vector<std::string> line = {
        row.name,
        row.batch > 0 ? std::to_string(row.batch) : "",
        fmt::format("{:.4g}", row.timing.milliseconds),
        fmt::format("{:.2g}", row.timing.spread),
        row.baseline ? fmt::format("{:.4g}", row.baseline->milliseconds) : "",
        row.baseline ? fmt::format("{:.2f}", row.baseline->milliseconds / row.timing.milliseconds) : "",
    };
    for (const auto& [name, value] : fields.items()) {
      const Json cell = row.more.value(name, Json());
      line.push_back(cell.is_null() ? "" : cell.is_string() ? cell.get<std::string>() : harness::to_text(cell));
    }
    line.resize(columns);
    if (!row.noise().empty()) line.back() = "NOISY";
    table.add(std::move(line));
  }
  std::string text = table.to_string();
  for (const Row& row : rows) {
    if (!row.noise().empty()) text += fmt::format("NOISY: {}: {}\n", row.name, row.noise());
  }
  if (!benchmark.summarise) return text;
  const Json summary = benchmark.summarise(rows);
  for (const auto& [what, value] : summary.items()) {
    text += fmt::format("{}: {}\n", what, value.is_string() ? value.get<std::string>() : harness::to_text(value));
  }
  return text;
}

}  // namespace canopy::benchmark
