// What a data set tells a checkpoint about itself: datasets write it, nn's `save` reads it.
#pragma once

#include <string>

#include <canopy/core/array.hpp>

namespace canopy {

/// How a model's inputs came from images x in [0, 1]: first by the named normalisation, then input_scale * (x -
/// input_offset). `save` folds the second step into the model's first weights and biases, so that a saved model reads
/// the named one.
struct DatasetMetadata {
  std::string dataset = {};              ///< name in the catalog, such as "fashion-mnist"
  std::string input_normalisation = {};  ///< "x/255" or "x/255 mapped to [-1,1]"; empty: nothing is said of it
  Tensor input_offset = {};              ///< [features]; no elements: nothing to subtract
  float input_scale = 1.f;
};

}  // namespace canopy
