#include <canopy/datasets/load.hpp>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/datasets/catalog.hpp>
#include <canopy/datasets/cifar.hpp>
#include <canopy/datasets/dataset_name.hpp>
#include <canopy/datasets/idx.hpp>
#include <canopy/datasets/svhn.hpp>
#include <canopy/datasets/tables/load_table.hpp>
#include <canopy/datasets/usps.hpp>

#include <fmt/format.h>

namespace canopy::datasets {
namespace {

struct IdxFiles {
  std::filesystem::path images;
  std::filesystem::path labels;
  std::filesystem::path training_images;  ///< whose size these must have; empty if unknown
};

struct LabelRange {
  std::int32_t first;
  std::int32_t last;
};

void check_idx_images(const std::string& name, const IdxFiles& files, const Shape& images) {
  if (images[0] == 0) {
    throw DataError(
        fmt::format("data set {}: expected at least one image in {}, found none", name, files.images.string()));
  }
  if (files.training_images.empty()) return;
  const Shape training = read_idx_shape(files.training_images, images.rank());
  if (training.without(0) != images.without(0)) {
    throw DataError(
        fmt::format("data set {}: expected test images of {} x {} as those for training, found {} x {} in {}", name,
                    training[1], training[2], images[1], images[2], files.images.string()));
  }
}

LabelledImages read_idx_split(std::string name, const IdxFiles& files, LabelRange range) {
  const Bytes pictures = read_idx_images(files.images);
  check_idx_images(name, files, pictures.shape());
  const Bytes labels = read_idx_labels(files.labels);
  const std::int64_t count = pictures.extent(0);
  if (labels.size() != count) {
    throw DataError(fmt::format("{}: at byte 4: expected a label for each of the {} images of {}, found {} labels",
                                files.labels.string(), count, files.images.string(), labels.size()));
  }
  LabelledImages images;
  images.name = std::move(name);
  images.shape = {.height = pictures.extent(1), .width = pictures.extent(2)};
  images.bytes = pictures.reshape({count, images.shape.features()});
  images.labels = Indices({count});
  images.classes = range.last - range.first + 1;
  std::int32_t* out = images.labels.mutable_data();
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = labels.data()[i] - range.first;
    if (out[i] < 0 || out[i] >= images.classes) {
      throw DataError(fmt::format("{}: at byte {}: expected a label from {} to {}, found {}", files.labels.string(),
                                  idx_header_bytes(1) + i, range.first, range.last, labels.data()[i]));
    }
  }
  return images;
}

// `read` gives the images of a split; the statistics are always the training images'.
template <class Read>
ImageDataset make_dataset(const std::string& name, Split split, Input input, Read read) {
  return failing_as<DataError>("data set " + name, [&] {
    if (split == Split::train) return ImageDataset(read(Split::train), input);
    return ImageDataset(read(Split::test), input, [read] { return input_statistics(read(Split::train)); });
  });
}

ImageDataset catalog_idx(std::string_view name, Split split, const Options& options) {
  return make_dataset(std::string(name), split, options.input,
                      [name = std::string(name), root = options.root](Split part) {
                        const CatalogEntry& entry = catalog_entry(name);
                        const std::string prefix = part == Split::train ? "train" : "t10k";
                        IdxFiles files{.images = find_file(entry, prefix + "-images-idx3-ubyte", root),
                                       .labels = find_file(entry, prefix + "-labels-idx1-ubyte", root),
                                       .training_images = {}};
                        if (part == Split::test) files.training_images = status(entry, root).files.front().path;
                        return read_idx_split(name, files, {.first = 0, .last = 9});
                      });
}

// Whether the name of a file says that it holds `kind` ("images" or "labels") of a split.
bool is_named_for(const std::filesystem::path& path, Split split, std::string_view kind) {
  std::string name = path.filename().string();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
  const bool train = has("train");
  const bool test = has("test") || has("t10k");
  return has(kind) && train != test && train == (split == Split::train);
}

// What systems, downloads and publishers leave beside a file under its name.
bool is_sidecar(const std::filesystem::path& path) {
  constexpr std::string_view endings[] = {".md5",  ".sha1", ".sha256", ".sha512", ".asc", ".sig",
                                          ".part", ".tmp",  ".bak",    ".txt",    ".json"};
  const std::string name = path.filename().string();
  return name.starts_with('.') || name.ends_with('~') ||
         std::ranges::find(endings, path.extension().string()) != std::end(endings);
}

std::filesystem::path without_gz(const std::filesystem::path& path) {
  return path.extension() == ".gz" ? std::filesystem::path(path).replace_extension() : path;
}

std::filesystem::path find_idx_file(const std::filesystem::path& folder, Split split, std::string_view kind) {
  const std::string wanted = fmt::format("file with {} and \"{}\" in its name",
                                         split == Split::train ? "\"train\"" : "\"test\" or \"t10k\"", kind);
  std::vector<std::filesystem::path> found;
  const auto content = failing_as<DataError>(folder, [&] { return folder_content(folder); });
  for (const std::filesystem::path& path : content) {
    std::error_code unreadable;
    const bool file = std::filesystem::is_regular_file(path, unreadable);
    if (file && !is_sidecar(path) && is_named_for(path, split, kind)) found.push_back(path);
  }
  if (found.empty()) throw DataError(fmt::format("{}: expected a {}, found none", folder.string(), wanted));
  // In their order, a plain file before its gzipped twin.
  for (const auto& other : found) {
    if (without_gz(other) != without_gz(found.front())) {
      throw DataError(fmt::format("{}: expected only one {}, found {} and {}", folder.string(), wanted,
                                  found.front().filename().string(), other.filename().string()));
    }
  }
  return found.front();
}

LabelRange find_label_range(const std::filesystem::path& folder) {
  LabelRange range{.first = 256, .last = -1};
  for (const Split split : {Split::train, Split::test}) {
    const Bytes labels = read_idx_labels(find_idx_file(folder, split, "labels"));
    for (const std::uint8_t label : labels.elements()) {
      range.first = std::min<std::int32_t>(range.first, label);
      range.last = std::max<std::int32_t>(range.last, label);
    }
  }
  if (range.last < 0) throw DataError(fmt::format("{}: expected labels, found none", folder.string()));
  return range;
}

}  // namespace

ImageDataset mnist(Split split, const Options& options) { return catalog_idx("mnist", split, options); }

ImageDataset fashion_mnist(Split split, const Options& options) { return catalog_idx("fashion-mnist", split, options); }

ImageDataset usps(Split split, const Options& options) {
  return make_dataset("usps", split, options.input, [root = options.root](Split part) {
    return read_usps(find_file(catalog_entry("usps"), part == Split::train ? "zip.train" : "zip.test", root));
  });
}

ImageDataset cifar_10(Split split, const Options& options) {
  return make_dataset("cifar-10", split, options.input, [root = options.root](Split part) {
    const CatalogEntry& entry = catalog_entry("cifar-10");
    std::vector<std::filesystem::path> files;
    for (const CatalogFile& file : entry.files) {
      if (file.name.starts_with(part == Split::train ? "data_batch" : "test_batch")) {
        files.push_back(find_file(entry, file.name, root));
      }
    }
    return read_cifar_10(files);
  });
}

ImageDataset cifar_100(Split split, const Options& options) {
  return make_dataset("cifar-100", split, options.input, [root = options.root](Split part) {
    const std::filesystem::path files[] = {
        find_file(catalog_entry("cifar-100"), part == Split::train ? "train.bin" : "test.bin", root)};
    return read_cifar_100(files);
  });
}

ImageDataset svhn(Split split, const Options& options) {
  return make_dataset("svhn", split, options.input, [root = options.root](Split part) {
    return read_svhn(
        find_file(catalog_entry("svhn"), part == Split::train ? "train_32x32.mat" : "test_32x32.mat", root));
  });
}

ImageDataset idx_folder(const std::filesystem::path& folder, Split split, const Options& options) {
  const LabelRange range = find_label_range(folder);
  return make_dataset("idx:" + folder.string(), split, options.input, [folder, range](Split part) {
    const IdxFiles files{.images = find_idx_file(folder, part, "images"),
                         .labels = find_idx_file(folder, part, "labels"),
                         .training_images = find_idx_file(folder, Split::train, "images")};
    return read_idx_split("idx:" + folder.string(), files, range);
  });
}

void require_known(std::string_view name) {
  const DatasetName parts = parse_dataset_name(name);
  if (parts.kind.empty()) catalog_entry(name);
}

void require_images(std::string_view name) {
  require_known(name);
  const std::string kind = parse_dataset_name(name).kind;
  if (!kind.empty() && kind != "idx") {
    throw ConfigError(fmt::format("data set {}: expected images, found a table", name));
  }
}

ImageDataset load_images(std::string_view name, Split split, const Options& options) {
  require_images(name);
  const DatasetName parts = parse_dataset_name(name);
  if (parts.kind == "idx") {
    if (!parts.options.empty()) throw ConfigError(fmt::format("data set {}: an IDX folder has no options", name));
    return idx_folder(parts.path, split, options);
  }
  const std::string_view known = catalog_entry(name).name;
  if (known == "usps") return usps(split, options);
  if (known == "cifar-10") return cifar_10(split, options);
  if (known == "cifar-100") return cifar_100(split, options);
  if (known == "svhn") return svhn(split, options);
  return catalog_idx(known, split, options);
}

ClassificationDataset load(std::string_view name, Split split, const Options& options) {
  const DatasetName parts = parse_dataset_name(name);
  if (parts.kind.empty() || parts.kind == "idx") return load_images(name, split, options);
  const auto [train, test] = load_table<std::int32_t>(parts, options.input);
  return split == Split::train ? train : test;
}

RegressionDataset load_regression(std::string_view name, Split split, const Options& options) {
  const DatasetName parts = parse_dataset_name(name);
  if (parts.kind.empty() || parts.kind == "idx") {
    require_known(name);
    throw ConfigError(fmt::format("data set {}: expected numbers to predict, found classes of images", name));
  }
  const auto [train, test] = load_table<float>(parts, options.input);
  return split == Split::train ? train : test;
}

}  // namespace canopy::datasets
