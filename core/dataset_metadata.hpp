// What a data set tells a checkpoint about itself: datasets write it, nn's `save` reads it.
#pragma once

#include <string>

#include <canopy/core/safetensors.hpp>
#include <canopy/core/standardisation.hpp>

namespace canopy {

/// How a model's inputs and targets came from what a data set holds. Inputs: first by the named normalisation, then by
/// `input`. `save` folds the second step into the model's first weights and biases, so that a saved model reads what
/// the name says.
struct DatasetMetadata {
  std::string dataset = {};  ///< its name, such as "fashion-mnist" or "csv:wine.csv"
  /// "x/255", "x/255 mapped to [-1,1]", or "none" for numbers as they stand in a table; empty: nobody knows.
  std::string input_normalisation = {};
  Standardisation input = {};
  /// What the targets of a regression went through; its inverse gives a model's answers in their own unit.
  Standardisation target = {};
};

/// Adds all of it to a file's content: the strings to its metadata under their names, the arrays as the tensors
/// "dataset.input.offset", "dataset.input.scale", "dataset.target.offset" and "dataset.target.scale".
void write_metadata(const DatasetMetadata& metadata, Safetensors& content);
/// What write_metadata added; what is absent is empty. Throws CheckpointError, with the tensor, for one that is no
/// vector of finite numbers, or a scale of 0.
DatasetMetadata read_metadata(const Safetensors& content);

}  // namespace canopy
