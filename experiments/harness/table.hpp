// The table of a report: the paper's number and ours side by side.
#pragma once

#include <string>

#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/text_table.hpp>

namespace canopy::harness {

/// One row a cell. A field that the paper has numbers for takes two columns, "paper" and "ours"; several seeds read
/// "mean ± sd (best)". The last column has the remarks.
TextTable make_table(const Json& report);

/// The table under its title, over the text of every failure.
std::string to_text(const Json& report);

}  // namespace canopy::harness
