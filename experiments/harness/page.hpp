// A report as one HTML page without anything to load.
#pragma once

#include <string>
#include <vector>

#include <canopy/experiments/harness/report.hpp>

namespace canopy::harness {

/// The compact table, the notes, and every figure of `figures`.
std::string to_html(const Report& report, const std::vector<Figure>& figures);

}  // namespace canopy::harness
