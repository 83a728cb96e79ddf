#include <canopy/experiments/harness/timing.hpp>

#include <algorithm>
#include <string_view>

#include <canopy/core/file.hpp>

namespace canopy::harness {

bool is_noisy(const Numbers& timing) {
  constexpr std::string_view unit = "milliseconds";
  return std::ranges::any_of(timing, [&](const auto& entry) {
    const auto& [name, value] = entry;
    if (!name.ends_with(unit)) return false;
    const Number* spread = timing.find(name.substr(0, name.size() - unit.size()) + "spread");
    return spread != nullptr && real(*spread) && real(value) && *real(*spread) > noisy_above * *real(value);
  });
}

void write_timing(const RunDirectory& directory, const std::string& experiment, int threads,
                  const std::vector<TimedCell>& rows) {
  Json list = Json::array();
  for (const TimedCell& row : rows) {
    Json& json = list.emplace_back(Json{{"cell", row.cell}});
    json.update(to_json(row.numbers));
  }
  const Json timing = {
      {"experiment", experiment}, {"threads", threads}, {"environment", environment_json()}, {"rows", list}};
  write_file(directory.timing(), timing.dump(2) + "\n");
}

std::map<std::string, Numbers> read_timing(const RunDirectory& directory) {
  std::map<std::string, Numbers> rows;
  const std::filesystem::path file = directory.timing();
  if (!std::filesystem::exists(file)) return rows;
  const std::optional<Json> list = array_of_objects(read_json(file), "rows", file.string());
  for (const Json& row : list.value_or(Json::array())) {
    rows[required<std::string>(row, "cell", file.string())] = numbers_from_json(row);
  }
  return rows;
}

}  // namespace canopy::harness
