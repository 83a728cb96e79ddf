// How the decisions of a tree harden while it trains (paper 1, Figure 5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <canopy/experiments/harness/gnuplot.hpp>

namespace canopy::training {

/// The entropies of decisions over the steps that a cell recorded in entropies.csv: thin lines for the nodes, wide ones
/// for the means of their levels. None where it recorded none.
std::vector<harness::Figure> entropy_figures(const std::filesystem::path& folder, const std::string& cell,
                                             std::int64_t seed);

}  // namespace canopy::training
