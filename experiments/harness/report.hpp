// What a run directory holds, as rows by cell; the table, the page, `--json` and `--expect` all read these rows.
#pragma once

#include <string>
#include <vector>

#include <canopy/experiments/harness/configuration.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/run_directory.hpp>

namespace canopy::harness {

/// A tree whose fullest leaf has more than this share of the inputs, in percent, is collapsed.
inline constexpr double collapsed_above = 90;

/// A time whose spread, half the distance between the quartiles of its repetitions, is more than this share of it is
/// noisy: measured beside other work, it says little.
inline constexpr double noisy_above = 0.1;

/// {experiment, paper, artefact, preset, seeds, columns, rows: [{cell, dataset, ..., status, seeds_done, seeds_failed,
/// collapsed, diverged, noisy, errors, m_a: {mean, sd, best, low, high, seeds, paper}, ...}]}. `paper` is there where
/// the paper has a number, `sd` is the sample's, `low` and `high` bound the 95 % interval of the mean by Student's t;
/// all three are null for one seed. `collapsed` and `diverged` count seeds, `noisy` is true for such a time.
/// Fields of timing.json that are numbers appear in the same form, `speedup` always. Works at any time, also while the
/// run goes on.
Json report(const RunDirectory& directory, const Experiment& experiment, const Configuration& configuration);

}  // namespace canopy::harness
