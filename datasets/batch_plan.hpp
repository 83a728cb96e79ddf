// Which samples make which batch of a pass.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <canopy/core/random.hpp>

namespace canopy {

struct DataLoaderOptions {
  std::int64_t batch_size = 256;  ///< of all ranks together
  bool shuffle = false;
  bool drop_last = false;          ///< leave out a last batch that is not full
  RandomStream* stream = nullptr;  ///< draws the order; by default the process's stream "order"
  /// Batches that a thread prepares while the caller works on others; 0: each is made when it is asked for. The batches
  /// are the same. Pays where a batch costs a good part of the work on it, and a core is free.
  std::int64_t prefetch = 0;
  /// This process's share of every batch, where several train together: of the `ranks` contiguous parts, which differ
  /// by at most one sample, the one at position `rank`. A part may have no samples; every rank has the same number of
  /// batches.
  int rank = 0;
  int ranks = 1;
  std::int64_t skip = 0;  ///< batches left out at the beginning of a pass, which a resumed run has already seen
};

/// The batches of a data set of a given size.
class BatchPlan {
 public:
  /// Throws ConfigError for options that make no sense.
  BatchPlan(std::int64_t samples, const DataLoaderOptions& options);

  /// Batches of a pass, without those that are skipped.
  std::int64_t batches() const;
  /// Samples in batch `index` of all ranks together.
  std::int64_t batch_size(std::int64_t index) const;
  /// The samples of a pass in order. Draws from the stream where the options say `shuffle`.
  std::vector<std::int64_t> order() const;
  /// This rank's part of batch `index` of a pass in that order.
  std::span<const std::int64_t> batch(std::span<const std::int64_t> order, std::int64_t index) const;

 private:
  std::int64_t begin(std::int64_t index) const { return (index + options_.skip) * options_.batch_size; }

  std::int64_t samples_;
  DataLoaderOptions options_;
};

}  // namespace canopy
