// How a report's numbers are written: the same in the text table, in Markdown and on the page.
#pragma once

#include <string>
#include <vector>

#include <canopy/experiments/harness/report.hpp>

namespace canopy::harness {

/// The paper's number; empty where it has none.
std::string papers(const Statistic& statistic, const Metric& metric);
/// "mean ± sd", of one seed its value; empty without any. A part of a whole is "11.0/16", without a deviation.
std::string mean_and_sd(const ReportRow& row, const Metric& metric);
/// Of several seeds; empty for one and where neither way is better.
std::string best(const Statistic& statistic, const Metric& metric);
/// "92.1 to 93.9", the 95 % interval of the mean of several seeds; empty for one.
std::string interval(const Statistic& statistic, const Metric& metric);

/// The words of the experiment's remarks, failures and missing seeds, each with how many of the seeds, and noisy times;
/// empty where all is well.
std::string remarks(const ReportRow& row, std::int64_t seeds);

/// "Table 1 of A Paper; preset quick, 3 seeds"
std::string subtitle(const Report& report);
/// A line for each word in capitals among the remarks that is not clear by itself, then one for each failure.
std::vector<std::string> notes(const Report& report);

}  // namespace canopy::harness
