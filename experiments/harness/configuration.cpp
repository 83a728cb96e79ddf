#include <canopy/experiments/harness/configuration.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/pattern.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

namespace canopy::harness {
namespace {

template <class T>
void insert(toml::table& table, const std::string& key, const T& value) {
  table.insert(key, value);
}
template <class T>
void insert(toml::table& table, const std::string& key, const std::vector<T>& values) {
  toml::array array;
  for (const T& value : values) array.push_back(value);
  table.insert(key, std::move(array));
}

toml::table to_table(const Settings& settings) {
  toml::table table;
  for (const auto& [key, setting] : settings.entries()) {
    if (setting.automatic) {
      table.insert(key, "auto");
    } else {
      std::visit([&, &name = key](const auto& value) { insert(table, name, value); }, setting.value);
    }
  }
  return table;
}

toml::table to_table(const Configuration& configuration) {
  return toml::table{{"experiment", configuration.experiment},
                     {"preset", configuration.preset},
                     {"seeds", configuration.seeds},
                     {"only", configuration.only},
                     {"settings", to_table(configuration.settings)}};
}

toml::table parse_file(const std::filesystem::path& file) {
  return failing_as<DataError>(file, [&] {
    try {
      return toml::table(toml::parse(read_file(file)));
    } catch (const toml::parse_error& error) {
      throw DataError(fmt::format("{}: line {}: {}", file.string(), error.source().begin.line, error.description()));
    }
  });
}

/// As `--set` writes it: lists without brackets, texts without quotes.
std::string as_setting(const toml::node& node) {
  if (const auto* array = node.as_array()) {
    std::vector<std::string> elements;
    for (const auto& element : *array) elements.push_back(as_setting(element));
    return fmt::format("{}", fmt::join(elements, ","));
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  std::ostringstream stream;
  node.visit([&](const auto& value) { stream << value; });
  return stream.str();
}

void flatten(const toml::table& table, const std::string& prefix, std::map<std::string, std::string>& out) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const auto* inner = node.as_table()) {
      flatten(*inner, name + ".", out);
    } else {
      out[name] = as_setting(node);
    }
  }
}

template <class T>
T value_of(const toml::table& table, const char* key, const std::filesystem::path& file) {
  if (const auto value = table[key].value<T>()) return *value;
  throw DataError(fmt::format("{}: \"{}\" is missing or of another type", file.string(), key));
}

/// Fields of result.json and of a report's rows stand side by side: no two may have the same name.
void check_fields(const Experiment& experiment, const Cell& cell) {
  std::set<std::string> taken = {"experiment",   "cell",  "seed", "status", "seeds_done",
                                 "seeds_failed", "noisy", "why",  "errors", "diverged"};
  const auto take = [&](const std::string& name) {
    if (name.empty() || !taken.insert(name).second) {
      throw ConfigError(
          fmt::format("{}: \"{}\" names two things, or nothing, of cell \"{}\"", experiment.name, name, cell.name));
    }
  };
  for (const Metric& metric : experiment.measures.metrics) take(metric.name);
  for (const Remark& remark : experiment.measures.remarks) take(field_of(remark.word));
  for (const auto& [name, value] : cell.labels) take(name);
}

void check_columns(const Experiment& experiment) {
  for (const std::string& column : experiment.columns) {
    if (std::ranges::find(experiment.measures.metrics, column, &Metric::name) != experiment.measures.metrics.end()) {
      continue;
    }
    throw ConfigError(fmt::format("{}: the column \"{}\" is no metric", experiment.name, column));
  }
}

}  // namespace

const Experiment& find_experiment(const std::vector<Experiment>& experiments, const std::string& name) {
  const auto found = std::ranges::find(experiments, name, &Experiment::name);
  if (found != experiments.end()) return *found;
  std::vector<std::string> known;
  for (const Experiment& experiment : experiments) known.push_back(experiment.name);
  throw ConfigError(fmt::format("unknown experiment \"{}\"; known are: {}", name, fmt::join(known, ", ")));
}

Configuration resolve(const Experiment& experiment, const std::string& preset, std::int64_t seeds,
                      const std::string& only, const std::vector<std::string>& assignments) {
  const auto chosen = std::ranges::find(experiment.presets, preset, &Preset::name);
  if (chosen == experiment.presets.end()) {
    std::vector<std::string> known;
    for (const Preset& each : experiment.presets) known.push_back(each.name);
    throw ConfigError(
        fmt::format("{}: unknown preset \"{}\"; known are: {}", experiment.name, preset, fmt::join(known, ", ")));
  }
  if (seeds != 0) seeds_range.check("seeds", static_cast<double>(seeds));
  Configuration configuration{.experiment = experiment.name,
                              .preset = preset,
                              .seeds = seeds == 0 ? chosen->seeds : seeds,
                              .only = only,
                              .settings = experiment.settings};
  for (const auto& [key, setting] : chosen->changes) configuration.settings.set(key, setting);
  for (const std::string& assignment : assignments) configuration.settings.set(assignment);
  configuration.settings.check();
  return configuration;
}

std::vector<Cell> selected_cells(const Experiment& experiment, const Configuration& configuration) {
  configuration.settings.check();
  std::vector<Cell> cells = experiment.cells(configuration.settings);
  check_columns(experiment);
  std::set<std::string> names;
  for (const Cell& cell : cells) {
    check_fields(experiment, cell);
    const bool plain =
        !cell.name.empty() && cell.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    if (!plain || !names.insert(cell.name).second) {
      throw ConfigError(
          fmt::format("{}: cell name \"{}\" is not [a-z0-9-]+ or not unique", experiment.name, cell.name));
    }
  }
  if (!configuration.only.empty()) {
    std::erase_if(cells, [&](const Cell& cell) { return !matches(configuration.only, cell.name); });
  }
  if (cells.empty()) {
    throw ConfigError(fmt::format("{}: no cell matches --only \"{}\"; cells are: {}", experiment.name,
                                  configuration.only, fmt::join(names, ", ")));
  }
  return cells;
}

std::string to_toml(const Configuration& configuration) {
  std::ostringstream stream;
  stream << to_table(configuration) << "\n";
  return stream.str();
}

Configuration read_configuration(const std::filesystem::path& file, const std::vector<Experiment>& experiments) {
  if (!failing_as<DataError>(file, [&] { return file_exists(file); })) {
    throw DataError(fmt::format("{} is missing: this folder holds no run", file.string()));
  }
  const toml::table table = parse_file(file);
  const Experiment& experiment = find_experiment(experiments, value_of<std::string>(table, "experiment", file));
  Configuration configuration{.experiment = experiment.name,
                              .preset = value_of<std::string>(table, "preset", file),
                              .seeds = value_of<std::int64_t>(table, "seeds", file),
                              .only = value_of<std::string>(table, "only", file),
                              .settings = experiment.settings};
  try {
    seeds_range.check("seeds", static_cast<double>(configuration.seeds));
    if (const toml::table* settings = table["settings"].as_table()) {
      for (const auto& [key, setting] : experiment.settings.entries()) {
        if (const toml::node* node = settings->get(key)) configuration.settings.set(key + "=" + as_setting(*node));
      }
    }
    selected_cells(experiment, configuration);
  } catch (const ConfigError& error) {
    throw DataError(fmt::format("{}: {}", file.string(), error.what()));
  }
  return configuration;
}

std::vector<std::string> differences(const std::filesystem::path& file, const Configuration& configuration) {
  std::map<std::string, std::string> there, here;
  flatten(parse_file(file), "", there);
  flatten(to_table(configuration), "", here);
  std::vector<std::string> found;
  for (const auto& [key, value] : here) {
    const auto other = there.find(key);
    if (other == there.end()) {
      if (value == "auto") continue;  // a setting that a later version brought, and nobody set
      found.push_back(fmt::format("{} is absent there and \"{}\" here", key, value));
    } else if (other->second != value) {
      found.push_back(fmt::format("{} is \"{}\" there and \"{}\" here", key, other->second, value));
    }
  }
  for (const auto& [key, value] : there) {
    if (!here.contains(key)) found.push_back(fmt::format("{} is \"{}\" there and absent here", key, value));
  }
  return found;
}

}  // namespace canopy::harness
