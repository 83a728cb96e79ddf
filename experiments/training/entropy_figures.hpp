// How the decisions of trees harden while they train (paper 1, Figures 5 and 6).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <canopy/experiments/harness/gnuplot.hpp>

namespace canopy::training {

/// The entropies of decisions over the steps that a cell recorded in entropies.csv: thin lines for the nodes, wide ones
/// for the means of their levels, or of a model's layers. None where it recorded none.
std::vector<harness::Figure> entropy_figures(const std::filesystem::path& folder, const std::string& cell,
                                             std::int64_t seed);

}  // namespace canopy::training
