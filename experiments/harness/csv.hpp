// A report as comma-separated values (RFC 4180).
#pragma once

#include <string>

#include <canopy/experiments/harness/report.hpp>

namespace canopy::harness {

/// A row for each cell: what it is, then METRIC_paper, _mean, _sd, _best, _low, _high and _seeds for each metric that
/// any row has a number for. A missing number is empty.
std::string to_csv(const Report& report);

}  // namespace canopy::harness
