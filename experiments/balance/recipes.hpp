// Paper 3's training, shared by its experiments.
#pragma once

#include <canopy/experiments/training/recipe.hpp>

namespace canopy::balance {

/// Two phases of half the epochs (300 each as its README has it): balanced with alpha = 1, h = 1, then from the best
/// model of that phase with h = 3 alone; AdamW 0.001, boosted to 0.003 where it is stuck; batches of 256; images in
/// [-1, 1]; the model selected on the test set, as released.
training::Recipe released();
/// The same, selected as it should be: on a tenth of the training images that is not trained on.
training::Recipe validated();

}  // namespace canopy::balance
