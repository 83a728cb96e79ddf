// timing.json: the speed of each cell, measured alone after the grid.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/harness/run_directory.hpp>

namespace canopy::harness {

/// A time whose spread, half the distance between the quartiles of its repetitions, is more than this share of it is
/// noisy: measured beside other work, it says little.
inline constexpr double noisy_above = 0.1;

/// Whether any of the cell's times is noisy, its own or that of a baseline.
bool is_noisy(const Numbers& timing);

/// {experiment, threads, environment, rows: [{cell, NUMBER...}]}
void write_timing(const RunDirectory& directory, const std::string& experiment, int threads,
                  const std::vector<TimedCell>& rows);
/// The numbers by cell; none as long as there is no timing.json. Throws DataError when it is damaged.
std::map<std::string, Numbers> read_timing(const RunDirectory& directory);

}  // namespace canopy::harness
