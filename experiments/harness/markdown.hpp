// A report as a page of Markdown.
#pragma once

#include <string>

#include <canopy/experiments/harness/report.hpp>

namespace canopy::harness {

/// The full table, and under it the notes.
std::string to_markdown(const Report& report);

}  // namespace canopy::harness
