// The USPS digits in the text format of "The Elements of Statistical Learning" (Hastie, Tibshirani, Friedman).
#pragma once

#include <filesystem>

#include <canopy/datasets/image_dataset.hpp>

namespace canopy::datasets {

/// Reads zip.train or zip.test, plain or gzipped: a line for each image, the digit and then 16 x 16 values v in
/// [-1, 1], kept as x = (v + 1) / 2. Throws DataError with the file, the line, the offset (in the decompressed
/// content), what was expected and what was found.
LabelledImages read_usps(const std::filesystem::path& path);

}  // namespace canopy::datasets
