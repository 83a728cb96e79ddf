#include <canopy/experiments/harness/timing.hpp>

#include <string_view>

#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/noise.hpp>

#include <fmt/format.h>

namespace canopy::harness {

namespace {

/// Of a file that has only the spreads.
std::string noise_of_spreads(const Numbers& timing) {
  constexpr std::string_view unit = "milliseconds";
  for (const auto& [name, value] : timing) {
    if (!name.ends_with(unit)) continue;
    const Number* spread = timing.find(name.substr(0, name.size() - unit.size()) + "spread");
    if (spread == nullptr || !real(*spread) || !real(value)) continue;
    const double share = *real(*spread) / *real(value);
    if (share > benchmark::noisy_above) return fmt::format("{} varies by {:.0f} %", name, 100 * share);
  }
  return "";
}

}  // namespace

void write_timing(const RunDirectory& directory, const std::string& experiment, int threads,
                  const std::vector<TimedCell>& rows) {
  Json list = Json::array();
  for (const TimedCell& row : rows) {
    Json& json = list.emplace_back(Json{{"cell", row.cell}});
    json.update(to_json(row.numbers));
    json["noisy"] = !row.noise.empty();
    json["why"] = row.noise;
  }
  const Json timing = {
      {"experiment", experiment}, {"threads", threads}, {"environment", environment_json()}, {"rows", list}};
  write_file(directory.timing(), to_text(timing, 2) + "\n");
}

std::map<std::string, CellTiming> read_timing(const RunDirectory& directory) {
  std::map<std::string, CellTiming> rows;
  const std::string file = directory.timing().string();
  if (!is_there(file)) return rows;
  const std::optional<Json> list = array_of_objects(read_json(file), "rows", file);
  for (const Json& row : list.value_or(Json::array())) {
    CellTiming timing{.numbers = numbers_from_json(row)};
    const bool told = row.contains("noisy") && row.contains("why");
    timing.noise = told ? required<std::string>(row, "why", file) : noise_of_spreads(timing.numbers);
    rows[required<std::string>(row, "cell", file)] = std::move(timing);
  }
  return rows;
}

}  // namespace canopy::harness
