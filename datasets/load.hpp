// Data sets by name.
//
//   auto train = datasets::fashion_mnist(Split::train, {.input = Input::centred});
//   auto test = datasets::load("idx:/data/letters", Split::test);
#pragma once

#include <filesystem>
#include <string_view>

#include <canopy/datasets/image_dataset.hpp>

namespace canopy::datasets {

struct Options {
  Input input = Input::unit;
  std::filesystem::path root = {};  ///< see data_root in catalog.hpp
};

// All throw DataError for files that are missing or damaged, naming the file, the offset or the folders looked in, what
// was expected and what was found.

ImageDataset mnist(Split split, const Options& options = {});
/// Also found where Debian's package dataset-fashion-mnist puts it.
ImageDataset fashion_mnist(Split split, const Options& options = {});
ImageDataset usps(Split split, const Options& options = {});
ImageDataset cifar_10(Split split, const Options& options = {});
/// With its 100 fine classes.
ImageDataset cifar_100(Split split, const Options& options = {});
/// The cropped digits, without the "extra" ones.
ImageDataset svhn(Split split, const Options& options = {});
/// Any four IDX files: recognised by "train" or "test" or "t10k", and "images" or "labels" in their names, ".gz" or
/// not. The classes go from the least to the greatest label in both label files. Ignores `options.root`.
ImageDataset idx_folder(const std::filesystem::path& folder, Split split, const Options& options = {});

/// By its name in the catalog, or "idx:FOLDER". Throws ConfigError for an unknown name.
ImageDataset load(std::string_view name, Split split, const Options& options = {});

}  // namespace canopy::datasets
