// The binary version of CIFAR-10 and CIFAR-100. https://www.cs.toronto.edu/~kriz/cifar.html
#pragma once

#include <filesystem>
#include <span>

#include <canopy/datasets/image_dataset.hpp>

namespace canopy::datasets {

/// Reads files, plain or gzipped, one after the other: a record for each image, its label, then 32 x 32 bytes of red,
/// of green and of blue. Throws DataError with the file, the offset (in the decompressed content), what was expected
/// and what was found: no whole number of records, or a label that is no class.
LabelledImages read_cifar_10(std::span<const std::filesystem::path> files);

/// The same with two labels before each image: one of 20 coarse classes, which is left out, and one of 100 fine
/// classes.
LabelledImages read_cifar_100(std::span<const std::filesystem::path> files);

}  // namespace canopy::datasets
