// Tables by name: "csv:FILE?...", "npy:FOLDER?...", "safetensors:FILE?...".
#pragma once

#include <utility>

#include <canopy/datasets/dataset_name.hpp>
#include <canopy/datasets/image_dataset.hpp>

namespace canopy::datasets {

/// The training part and the test part: see `load` and `load_regression`.
template <class T>
std::pair<TensorDataset<T>, TensorDataset<T>> load_table(const DatasetName& name, Input input);

}  // namespace canopy::datasets
