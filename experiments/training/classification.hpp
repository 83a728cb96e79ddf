// What every grid of classifiers measures, and how it is shown.
#pragma once

#include <canopy/experiments/harness/measures.hpp>

namespace canopy::training {

/// Percentages are 0..100. Of a result: M_A and G_A with the epochs to them (ETT), what the model of G_A reaches
/// besides, the use of its leaves, the entropy of its decisions (batch mean, nats), and the mix beside a master leaf.
/// Of timing.json: time and speed beside feedforward networks. A tree that is collapsed is marked. Curves are the
/// accuracies in validation and training, a figure for each data set, in it a panel for each training width.
harness::Measures classification_measures();

}  // namespace canopy::training
