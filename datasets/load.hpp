// Data sets by name.
//
//   auto train = datasets::fashion_mnist(Split::train, {.input = Input::centred});
//   auto test = datasets::load("idx:/data/letters", Split::test);
//   auto houses = datasets::load_regression("csv:houses.csv?label=price", Split::train);
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
/// not; hidden files, checksums and signatures beside them are passed over. The classes go from the least to the
/// greatest label in both label files. Ignores `options.root`.
ImageDataset idx_folder(const std::filesystem::path& folder, Split split, const Options& options = {});

/// A data set of labelled classes by its name: one of the catalog, found under `options.root`, or one of these, whose
/// paths are relative to the working directory:
/// - `idx:FOLDER`, see idx_folder;
/// - `csv:FILE` or `csv:FOLDER` with train.csv and test.csv, each plain or `.gz`; options follow a '?', as in
///   `csv:wine.csv?label=quality&delimiter=;&test=0.2`:
///     label        column of the classes, by name or position (default -1, the last)
///     ignore       columns left out, separated by commas
///     delimiter    one character or `tab` (default ,; `&` is %26)
///     header       yes, no or auto (see CsvHeader)
///     missing      error, mean (of the training part) or a number, see Missing
///     test         the part that is held back for testing, the same lines for every seed (default 0.2), or the test
///                  part's file beside this one
///     standardise  yes or no, see below
/// - `npy:FOLDER` with train_inputs.npy, train_targets.npy, test_inputs.npy, test_targets.npy, and `safetensors:FILE`
/// with
///   tensors of these names; targets are integers from 0; `?standardise=` as above.
/// The columns of a table are standardised by the training part, whatever the input, and metadata() tells how. With
/// `standardise=no`, Input::unit leaves the numbers as they are, Input::centred subtracts the columns' means, and
/// Input::standardised standardises. Input::symmetric, one of images, is refused.
/// Throws ConfigError for an unknown name or option, DataError for files that are missing or damaged, for a part
/// without samples, and for parts that do not fit each other.
ClassificationDataset load(std::string_view name, Split split, const Options& options = {});
/// The same of images, which know their shape. Throws ConfigError for a table, too.
ImageDataset load_images(std::string_view name, Split split, const Options& options = {});
/// The same with numbers to predict: `csv:` (label: one or more columns), `npy:` and `safetensors:` (targets [n] or [n,
/// outputs]). Targets are as they stand in the file: see fit_targets. Throws ConfigError for images, too.
RegressionDataset load_regression(std::string_view name, Split split, const Options& options = {});
/// Throws ConfigError for a name that is neither in the catalog nor one of those forms. Looks at no file.
void require_known(std::string_view name);
/// Likewise, and for a table.
void require_images(std::string_view name);

}  // namespace canopy::datasets
