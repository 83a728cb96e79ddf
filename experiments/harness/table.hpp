// The table of a report: the paper's number and ours side by side.
#pragma once

#include <string>

#include <canopy/experiments/harness/report.hpp>
#include <canopy/experiments/harness/text_table.hpp>

namespace canopy::harness {

enum class TableForm {
  compact,  ///< several seeds read "mean ± sd (best)"
  full      ///< best and interval of the main metrics in columns of their own, and the number of seeds
};

/// One row a cell. A metric that the paper has numbers for takes two columns, "paper" and "ours". The last column has
/// the remarks.
TextTable make_table(const Report& report, TableForm form);

/// The compact table under its title, over the notes.
std::string to_text(const Report& report);

}  // namespace canopy::harness
