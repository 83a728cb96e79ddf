// canopy data: the data sets that are known, where they are, whether they are whole, and how they come here.
#include <memory>

#include <canopy/datasets/fetch.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/cli/download_display.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/stop_signals.hpp>
#include <canopy/experiments/harness/terminal.hpp>
#include <canopy/experiments/harness/text_table.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

using datasets::CatalogEntry;
using datasets::DatasetStatus;
using harness::Json;

struct DataCommand {
  std::string name;
  std::string data;
  std::string from;
  bool json = false;
};

using Look = DatasetStatus (*)(const CatalogEntry&, const std::filesystem::path&);

/// The named data set, or all.
std::span<const CatalogEntry> chosen(const DataCommand& options) {
  if (options.name.empty()) return datasets::catalog();
  return {&datasets::catalog_entry(options.name), 1};
}

std::vector<DatasetStatus> look_at(const DataCommand& options, Look look) {
  std::vector<DatasetStatus> all;
  for (const CatalogEntry& entry : chosen(options)) all.push_back(look(entry, options.data));
  return all;
}

/// "present" says that the files are there, "whole" that every byte was checked.
std::string state(const DatasetStatus& status, const char* good) {
  if (status.folder.empty()) return "missing";
  return status.good() ? good : "damaged";
}

/// Empty for a data set that is not there at all.
std::string first_problem(const DatasetStatus& status) {
  if (status.folder.empty()) return "";
  for (const datasets::FileStatus& file : status.files) {
    if (!file.problem.empty()) {
      return fmt::format("{}: {}", file.path.empty() ? (status.folder / file.name).string() : file.path.string(),
                         file.problem);
    }
    if (file.path.empty()) return fmt::format("{}: missing", (status.folder / file.name).string());
  }
  return "";
}

void print_table(const std::vector<DatasetStatus>& all, const char* good) {
  harness::TextTable table({"data set", "state", "folder", "what it is"});
  for (const DatasetStatus& status : all) {
    const std::string problem = first_problem(status);
    const std::string description(datasets::catalog_entry(status.name).description);
    table.add({status.name, state(status, good), status.folder.string(), problem.empty() ? description : problem});
  }
  harness::print(table.to_string());
}

void print_json(const std::vector<DatasetStatus>& all, const char* good) {
  Json list = Json::array();
  for (const DatasetStatus& status : all) {
    Json files = Json::array();
    for (const datasets::FileStatus& file : status.files) {
      files.push_back({{"name", file.name}, {"path", file.path.string()}, {"problem", file.problem}});
    }
    list.push_back({{"name", status.name},
                    {"state", state(status, good)},
                    {"folder", status.folder.string()},
                    {"files", std::move(files)}});
  }
  harness::print(harness::to_text(list, 2) + "\n");
}

void print(const std::vector<DatasetStatus>& all, const char* good, bool json) {
  json ? print_json(all, good) : print_table(all, good);
}

/// What is named must be there and whole; without a name, what is there must be whole.
void verify(const DataCommand& options) {
  const std::vector<DatasetStatus> all = look_at(options, datasets::verify);
  print(all, "whole", options.json);
  for (const DatasetStatus& status : all) {
    if (status.folder.empty() && options.name.empty()) continue;
    if (status.good()) continue;
    if (!status.folder.empty()) throw DataError(first_problem(status));
    std::string folders;
    for (const auto& folder : status.looked_in) folders += (folders.empty() ? "" : ", ") + folder.string();
    throw DataError(fmt::format("{}: found in none of: {}", status.name, folders));
  }
}

void fetch(const DataCommand& options) {
  if (!options.from.empty() && options.name.empty()) throw ConfigError("--from is the address of one data set: which?");
  {
    const harness::StopSignals signals;
    DownloadDisplay display;
    const auto progress = [&](const datasets::DownloadProgress& download) {
      display.show(download);
      return signals.count() == 0;
    };
    for (const CatalogEntry& entry : chosen(options)) {
      if (!datasets::fetch(entry, {.root = options.data, .from = options.from, .progress = progress})) {
        throw Failed("interrupted, what came is kept; the same command continues", 130);
      }
    }
  }
  print(look_at(options, datasets::status), "present", options.json);
}

CLI::App* add_subcommand(CLI::App& parent, const char* name, const char* description,
                         const std::shared_ptr<DataCommand>& options) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("NAME", options->name, "A data set; none: all");
  command->add_option("--data", options->data, "Folder of the data sets");
  command->add_flag("--json", options->json, "Print one JSON value");
  return command;
}

}  // namespace

void add_data(CLI::App& app) {
  CLI::App* command = app.add_subcommand("data", "The data sets: what is known, present, whole; download");
  command->require_subcommand(1);
  const auto options = std::make_shared<DataCommand>();
  add_subcommand(*command, "list", "What is known, and what is present", options)->callback([options] {
    print(look_at(*options, datasets::status), "present", options->json);
  });
  add_subcommand(*command, "verify", "Read every file and compare its size and checksum", options)->callback([options] {
    verify(*options);
  });
  CLI::App* fetching = add_subcommand(*command, "fetch", "Download what is missing or damaged, and check it", options);
  fetching->add_option("--from", options->from, "Address of a mirror, or file:///FOLDER, with the same files");
  fetching->callback([options] { fetch(*options); });
}

}  // namespace canopy::cli
