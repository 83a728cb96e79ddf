// How a report's numbers are called and written: the same in the text table, in Markdown and on the page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <canopy/experiments/harness/json.hpp>

namespace canopy::harness {

struct Style {
  std::string title;
  int digits;             ///< after the point
  bool accuracy = false;  ///< one of the numbers that an experiment is about
};
/// A field that is not in the list is called by its name.
Style style_of(const std::string& field);

/// The paper's number; empty where it has none.
std::string papers(const Json& row, const std::string& field);
/// The fields of `columns` that the paper has a number for, in any row.
std::vector<std::string> fields_in_paper(const Json& report);

/// "mean ± sd", of one seed its value; empty without any.
std::string mean_and_sd(const Json& row, const std::string& field);
/// Of several seeds; empty for one.
std::string best(const Json& row, const std::string& field);
/// "92.1 to 93.9", the 95 % interval of the mean of several seeds; empty for one.
std::string interval(const Json& row, const std::string& field);
/// "11.0/16": of how many leaves; without the zeros of a whole number where the digits are only for means.
std::string leaves_used(const Json& row);
/// Collapsed trees, diverged trainings, failures and missing seeds, each with how many of the seeds, and noisy times;
/// empty where all is well.
std::string remarks(const Json& row, std::int64_t seeds);

/// A line for each word in capitals among the remarks that is not clear by itself.
std::vector<std::string> explanations(const Json& report);
/// "CELL seed N: why" for each failure.
std::vector<std::string> failures(const Json& report);

}  // namespace canopy::harness
