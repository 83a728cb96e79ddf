// timing.json: the speed of each cell, measured alone after the grid.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/harness/run_directory.hpp>

namespace canopy::harness {

/// What timing.json says of a cell.
struct CellTiming {
  Numbers numbers = {};
  std::string noise = {};  ///< why a time is noisy, its own or that of a baseline (noise.hpp); empty: none is
};

/// {experiment, threads, environment, rows: [{cell, NUMBER..., noisy, why}]}
void write_timing(const RunDirectory& directory, const std::string& experiment, int threads,
                  const std::vector<TimedCell>& rows);
/// By cell; none as long as there is no timing.json. Where it does not say what is noisy, as before 0.2, the spreads
/// do. Throws DataError when it is damaged.
std::map<std::string, CellTiming> read_timing(const RunDirectory& directory);

}  // namespace canopy::harness
