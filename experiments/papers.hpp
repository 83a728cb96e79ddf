// The papers that the experiments are of.
#pragma once

namespace canopy::papers {

inline constexpr const char* fast_feedforward = "Fast Feedforward Networks (arXiv 2308.14711)";
inline constexpr const char* faster_language_modelling = "Exponentially Faster Language Modelling (arXiv 2311.10770)";
inline constexpr const char* load_balancing =
    "Enhancing Fast Feed Forward Networks with Load Balancing and a Master Leaf Node (arXiv 2405.16836)";

}  // namespace canopy::papers
