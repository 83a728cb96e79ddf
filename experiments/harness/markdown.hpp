// A report as a page of Markdown.
#pragma once

#include <string>

#include <canopy/experiments/harness/json.hpp>

namespace canopy::harness {

/// A row for each cell: the paper's numbers beside ours as mean, standard deviation, best and 95 % interval of the
/// mean, seeds, leaves used and maximum load; then what the remarks mean, and the failures.
std::string to_markdown(const Json& report);

}  // namespace canopy::harness
