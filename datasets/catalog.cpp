#include <canopy/datasets/catalog.hpp>

#include <algorithm>
#include <cstdlib>

#include <canopy/core/error.hpp>
#include <canopy/datasets/gzip.hpp>
#include <canopy/datasets/md5.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::datasets {
namespace {

constexpr CatalogFile mnist_files[] = {
    {"train-images-idx3-ubyte", 47'040'016, "6bbc9ace898e44ae57da46a324031adb"},
    {"train-labels-idx1-ubyte", 60'008, "a25bea736e30d166cdddb491f175f624"},
    {"t10k-images-idx3-ubyte", 7'840'016, "2646ac647ad5339dbf082846283269ea"},
    {"t10k-labels-idx1-ubyte", 10'008, "27ae3e4e09519cfbb04c329615203637"},
};
constexpr CatalogFile fashion_mnist_files[] = {
    {"train-images-idx3-ubyte", 47'040'016, "f4a8712d7a061bf5bd6d2ca38dc4d50a"},
    {"train-labels-idx1-ubyte", 60'008, "9018921c3c673c538a1fc5bad174d6f9"},
    {"t10k-images-idx3-ubyte", 7'840'016, "8181f5470baa50b63fa0f6fddb340f0a"},
    {"t10k-labels-idx1-ubyte", 10'008, "15d484375f8d13e6eb1aabb0c3f46965"},
};
constexpr CatalogFile usps_files[] = {
    {"zip.train", 14'512'253, "a2d376ecc766edab27f0c4621f180f99"},
    {"zip.test", 3'988'110, "663b502dafccc176ad7e880211b74f12"},
};

constexpr CatalogFile cifar_10_files[] = {
    {"data_batch_1.bin", 30'730'000, "5dd7e06a14cb22eb9f671a540d1b7c25"},
    {"data_batch_2.bin", 30'730'000, "5ea93a67294ea407fff1d09f752e9692"},
    {"data_batch_3.bin", 30'730'000, "942cd6a4bcdd0dd3c604fbe906cb4421"},
    {"data_batch_4.bin", 30'730'000, "ae636b3ba5c66a11e91e8cb52e771fcb"},
    {"data_batch_5.bin", 30'730'000, "53f37980c15c3d472c316c40844f3f0d"},
    {"test_batch.bin", 30'730'000, "803d5f7f4d78ea53de84dbe85f74fb6d"},
};
// Only their archive's sum is published.
constexpr CatalogFile cifar_100_files[] = {
    {"train.bin", 153'700'000, ""},
    {"test.bin", 30'740'000, ""},
};
constexpr CatalogFile svhn_files[] = {
    {"train_32x32.mat", 182'040'794, "e26dedcc434d2e4c54c9b2d4a06d8373"},
    {"test_32x32.mat", 64'275'384, "eb5a983be6a315427106f1b164d9cef3"},
};

constexpr CatalogEntry entries[] = {
    {.name = "mnist",
     .folder = "mnist",
     .description = "handwritten digits: 60000 / 10000 images of 28 x 28, 10 classes",
     .files = mnist_files},
    {.name = "fashion-mnist",
     .folder = "fashion-mnist",
     .description = "pieces of clothing: 60000 / 10000 images of 28 x 28, 10 classes",
     .files = fashion_mnist_files,
     .system_folder = "/usr/share/datasets/fashion-mnist",
     .package = "dataset-fashion-mnist"},
    {.name = "usps",
     .folder = "usps",
     .description = "digits of postal codes: 7291 / 2007 images of 16 x 16, 10 classes",
     .files = usps_files},
    {.name = "cifar-10",
     .folder = "cifar-10-batches-bin",
     .description = "photographs of things: 50000 / 10000 images of 32 x 32 x 3, 10 classes",
     .files = cifar_10_files},
    {.name = "cifar-100",
     .folder = "cifar-100-binary",
     .description = "photographs of things: 50000 / 10000 images of 32 x 32 x 3, 100 classes",
     .files = cifar_100_files},
    {.name = "svhn",
     .folder = "svhn",
     .description = "house numbers in photographs: 73257 / 26032 images of 32 x 32 x 3, 10 classes",
     .files = svhn_files},
};

// The file in a folder, plain or gzipped; empty if it is not there.
std::filesystem::path file_in(const std::filesystem::path& folder, std::string_view name) {
  for (const char* suffix : {"", ".gz"}) {
    const std::filesystem::path path = folder / fmt::format("{}{}", name, suffix);
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return path;
  }
  return {};
}

std::string problem_of(const CatalogFile& file, const std::filesystem::path& path) {
  try {
    const std::string content = read_plain_or_gzip(path);
    const auto bytes = static_cast<std::int64_t>(content.size());
    if (bytes != file.bytes) return fmt::format("{}: expected {} bytes, found {}", path.string(), file.bytes, bytes);
    if (file.md5.empty()) return "";
    const std::string sum = md5(content);
    if (sum == file.md5) return "";
    return fmt::format("{}: expected the MD5 {}, found {}", path.string(), file.md5, sum);
  } catch (const DataError& error) {
    return error.what();
  }
}

// What to do about a data set that is not there.
std::string advice(const CatalogEntry& entry, const std::vector<std::filesystem::path>& folders) {
  std::string text = folders.empty() || (folders.size() == 1 && !entry.system_folder.empty())
                         ? std::string("set CANOPY_DATA to a folder for data sets and put it there")
                         : fmt::format("put it into {}", folders.front().string());
  if (!entry.package.empty()) text = fmt::format("install it by 'apt-get install {}', or {}", entry.package, text);
  return text;
}

}  // namespace

std::span<const CatalogEntry> catalog() { return entries; }

const CatalogEntry& catalog_entry(std::string_view name) {
  const auto* found = std::ranges::find(entries, name, &CatalogEntry::name);
  if (found != std::end(entries)) return *found;
  std::vector<std::string_view> names;
  for (const CatalogEntry& entry : entries) names.push_back(entry.name);
  throw ConfigError(fmt::format("unknown data set \"{}\": expected {} or idx:FOLDER", name, fmt::join(names, ", ")));
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
    if (!file.path.empty()) file.problem = problem_of(entry.files[i], file.path);
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
