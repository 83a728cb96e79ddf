// The numbers that paper 1 prints for the counterparts.
#pragma once

#include <map>
#include <string>

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::fff {

/// Table 1 (best of ten runs): "m_a", "g_a", "speedup"; Table 4: "m_a_sd", "g_a_sd" and "milliseconds" of a batch of
/// 2048 on an A100. Empty for cells that the paper does not have.
std::map<std::string, double> counterparts_in_paper(const harness::Cell& cell);

}  // namespace canopy::fff
