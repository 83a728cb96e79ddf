// The folder of one run: where its files are, whom it belongs to, which cells are complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <canopy/experiments/harness/configuration.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/result.hpp>

namespace canopy::harness {

/// The places in a run directory; reading never needs the lock.
struct RunDirectory {
  std::filesystem::path root;

  std::filesystem::path configuration() const { return root / "config.toml"; }
  std::filesystem::path environment() const { return root / "environment.json"; }
  std::filesystem::path timing() const { return root / "timing.json"; }
  std::filesystem::path cell(const std::string& name, std::int64_t seed) const {
    return root / "cells" / name / std::to_string(seed);
  }
};

/// Whether a file of a run is there. Throws DataError where the system does not tell.
bool is_there(const std::filesystem::path& file);

/// The result of a complete cell with these labels; none as long as result.json is absent. Throws DataError when it is
/// damaged.
std::optional<Result> read_result(const std::filesystem::path& cell_folder, const Labels& labels);
/// Why the last attempt at this cell failed; none when it did not.
std::optional<std::string> read_failure(const std::filesystem::path& cell_folder);

/// A run directory that this process may write to, until the lock dies with it and with the workers that inherit it.
class RunLock {
 public:
  /// Throws ConfigError when another run holds the directory.
  explicit RunLock(const RunDirectory& directory);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_;
};

/// Whether a run of this configuration may write to the directory: a new one, or with `resume` one that holds the same
/// configuration. Throws ConfigError, naming what differs, for everything else.
void check_claim(const RunDirectory& directory, const Configuration& configuration, bool resume);

/// Writes environment.json: versions, CPU, SIMD, BLAS, threads, commit; where others have worked on this run before,
/// theirs as "earlier".
void write_environment(const RunDirectory& directory);
Json environment_json();

}  // namespace canopy::harness
