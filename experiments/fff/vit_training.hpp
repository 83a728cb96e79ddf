// Trains one vision transformer of a grid.
#pragma once

#include <filesystem>
#include <string>

#include <canopy/datasets/load.hpp>
#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::fff {

/// Images, each value from -1 to 1. Throws as datasets::load_images.
ImageDataset load_vit_images(const std::string& name, Split split, const std::filesystem::path& root);

/// Trains with `context.seed` on nine tenths of the training images (of the first "images" of a random order, where
/// that is not 0), changed anew in each pass, and selects the epoch by its hard accuracy on the rest, as they are. The
/// result is that epoch's on the test set; layers.json holds each layer's use of its leaves and the entropy of its
/// decisions there, entropies.csv the entropies of all layers in the course of the training (paper 1, Figure 6). The
/// checkpoint is read by `canopy eval`.
harness::Result train_vit(const harness::CellContext& context);

}  // namespace canopy::fff
