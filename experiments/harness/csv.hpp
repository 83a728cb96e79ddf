// A report as comma-separated values (RFC 4180).
#pragma once

#include <string>

#include <canopy/experiments/harness/json.hpp>

namespace canopy::harness {

/// A row for each cell: what it is, then FIELD_paper, _mean, _sd, _best, _low, _high and _seeds for each field that any
/// row has a number for. A missing number is empty.
std::string to_csv(const Json& report);

}  // namespace canopy::harness
