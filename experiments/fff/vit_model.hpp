// The vision transformers of paper 1, Table 3.
#pragma once

#include <memory>
#include <vector>

#include <canopy/core/image_shape.hpp>
#include <canopy/experiments/fff/vit_recipe.hpp>
#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/nn/transformers/vit.hpp>

namespace canopy::fff {

/// Their sizes as settings, with the paper's values: "blocks", "model_width", "patch"; it does not say how many
/// "heads".
std::vector<harness::Settings::Entry> vit_sizes();

/// The feedforward part of a cell's blocks, "ff" or "fff", [..., width] -> [..., width].
std::unique_ptr<nn::Layer> make_feedforward(const harness::Cell& cell, std::int64_t width);

/// With a class token, norms before each part and GELU. Throws ConfigError for sizes that do not fit each other.
std::unique_ptr<nn::ViT> make_vit(const harness::Cell& cell, const harness::Settings& settings, double input_dropout,
                                  const ImageShape& image, std::int64_t classes);

}  // namespace canopy::fff
