#include <canopy/datasets/catalog.hpp>

#include <algorithm>
#include <cstdlib>

#include <canopy/core/error.hpp>
#include <canopy/datasets/digest.hpp>
#include <canopy/datasets/gzip.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::datasets {
namespace {

// The file in a folder, plain or gzipped; empty if it is not there.
std::filesystem::path file_in(const std::filesystem::path& folder, std::string_view name) {
  for (const char* suffix : {"", ".gz"}) {
    const std::filesystem::path path = folder / fmt::format("{}{}", name, suffix);
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return path;
  }
  return {};
}

std::string problem_of_file(const CatalogFile& file, const std::filesystem::path& path) {
  try {
    const std::string problem = problem_of(file, read_plain_or_gzip(path));
    return problem.empty() ? "" : fmt::format("{}: {}", path.string(), problem);
  } catch (const DataError& error) {
    return error.what();
  }
}

// What to do about a data set that is not there.
std::string advice(const CatalogEntry& entry, const std::vector<std::filesystem::path>& folders) {
  std::string text = folders.empty() || (folders.size() == 1 && !entry.system_folder.empty())
                         ? std::string("set CANOPY_DATA to a folder for data sets and put it there")
                         : fmt::format("put it into {}", folders.front().string());
  text = fmt::format("run 'canopy data fetch {}', or {}", entry.name, text);
  if (!entry.package.empty()) text = fmt::format("install it by 'apt-get install {}', or {}", entry.package, text);
  return text;
}

}  // namespace

const CatalogEntry& catalog_entry(std::string_view name) {
  const std::span<const CatalogEntry> entries = catalog();
  const auto found = std::ranges::find(entries, name, &CatalogEntry::name);
  if (found != entries.end()) return *found;
  std::vector<std::string_view> names;
  for (const CatalogEntry& entry : entries) names.push_back(entry.name);
  throw ConfigError(
      fmt::format("unknown data set \"{}\": expected {}, idx:FOLDER, csv:FILE, npy:FOLDER or safetensors:FILE", name,
                  fmt::join(names, ", ")));
}

std::filesystem::path data_root(const std::filesystem::path& root) {
  if (!root.empty()) return root;
  if (const char* variable = std::getenv("CANOPY_DATA"); variable && *variable) return variable;
  if (const char* home = std::getenv("HOME"); home && *home) return std::filesystem::path(home) / ".local/share/canopy";
  return {};
}

std::vector<std::filesystem::path> candidate_folders(const CatalogEntry& entry, const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders;
  if (const std::filesystem::path base = data_root(root); !base.empty()) folders.push_back(base / entry.folder);
  if (!entry.system_folder.empty()) folders.emplace_back(entry.system_folder);
  return folders;
}

std::string problem_of(const CatalogFile& file, std::string_view content) {
  const auto bytes = static_cast<std::int64_t>(content.size());
  if (bytes != file.bytes) return fmt::format("expected {} bytes, found {}", file.bytes, bytes);
  return checksum_problem(file.checksum, content);
}

DatasetStatus status(const CatalogEntry& entry, const std::filesystem::path& root) {
  DatasetStatus result;
  result.name = entry.name;
  result.looked_in = candidate_folders(entry, root);
  for (const auto& folder : result.looked_in) {
    result.files.clear();
    for (const CatalogFile& file : entry.files) {
      const std::filesystem::path path = file_in(folder, file.name);
      result.files.push_back({std::string(file.name), path, path.empty() ? "missing" : ""});
      if (!path.empty()) result.folder = folder;
    }
    if (!result.folder.empty()) return result;
  }
  if (result.files.empty()) {  // no folder to look in
    for (const CatalogFile& file : entry.files) result.files.push_back({std::string(file.name), {}, "missing"});
  }
  return result;
}

DatasetStatus verify(const CatalogEntry& entry, const std::filesystem::path& root) {
  DatasetStatus result = status(entry, root);
  for (std::size_t i = 0; i < result.files.size(); ++i) {
    FileStatus& file = result.files[i];
    if (!file.path.empty()) file.problem = problem_of_file(entry.files[i], file.path);
  }
  return result;
}

bool DatasetStatus::good() const {
  return std::ranges::all_of(files, [](const FileStatus& file) { return file.problem.empty(); });
}

std::filesystem::path find_file(const CatalogEntry& entry, std::string_view name, const std::filesystem::path& root) {
  const DatasetStatus found = status(entry, root);
  for (const FileStatus& file : found.files) {
    if (file.name == name && !file.path.empty()) return file.path;
  }
  std::vector<std::string> folders;
  for (const auto& folder : found.looked_in) folders.push_back(folder.string());
  throw DataError(fmt::format("data set {}: expected the file {} or {}.gz, found neither in {}: {}", entry.name, name,
                              name, folders.empty() ? "any folder" : fmt::format("{}", fmt::join(folders, ", ")),
                              advice(entry, found.looked_in)));
}

}  // namespace canopy::datasets
