// The cropped digits of the Street View House Numbers, as MATLAB files. http://ufldl.stanford.edu/housenumbers
#pragma once

#include <filesystem>

#include <canopy/datasets/image_dataset.hpp>

namespace canopy::datasets {

/// Reads train_32x32.mat or test_32x32.mat: X, bytes [32, 32, 3, images] with the first axis running fastest, and y, a
/// label from 1 to 10 for each image, where 10 stands for the digit 0. Throws DataError with the file, the variable,
/// what was expected and what was found.
LabelledImages read_svhn(const std::filesystem::path& path);

}  // namespace canopy::datasets
