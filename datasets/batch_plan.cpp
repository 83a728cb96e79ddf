#include <canopy/datasets/batch_plan.hpp>

#include <algorithm>
#include <numeric>

#include <canopy/core/error.hpp>
#include <canopy/datasets/permutation.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

void require_at_least(std::int64_t least, std::int64_t value, const char* option) {
  if (value < least) {
    throw ConfigError(fmt::format("data loader: expected a {} of at least {}, found {}", option, least, value));
  }
}

}  // namespace

BatchPlan::BatchPlan(std::int64_t samples, const DataLoaderOptions& options) : samples_(samples), options_(options) {
  require_at_least(1, options.batch_size, "batch size");
  require_at_least(0, options.prefetch, "prefetch");
  require_at_least(0, options.skip, "skip");
  require_at_least(1, options.ranks, "number of ranks");
  if (options.rank < 0 || options.rank >= options.ranks) {
    throw ConfigError(
        fmt::format("data loader: expected a rank from 0 to {}, found {}", options.ranks - 1, options.rank));
  }
}

std::int64_t BatchPlan::batches() const {
  const std::int64_t full = samples_ / options_.batch_size;
  const bool rest = !options_.drop_last && samples_ % options_.batch_size != 0;
  return std::max<std::int64_t>(full + (rest ? 1 : 0) - options_.skip, 0);
}

std::int64_t BatchPlan::batch_size(std::int64_t index) const {
  return std::min(options_.batch_size, samples_ - begin(index));
}

std::vector<std::int64_t> BatchPlan::order() const {
  if (options_.shuffle) {
    return datasets::permutation(samples_, options_.stream ? *options_.stream : random_stream("order"));
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(samples_));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::span<const std::int64_t> BatchPlan::batch(std::span<const std::int64_t> order, std::int64_t index) const {
  const std::int64_t count = batch_size(index);
  const std::int64_t first = count * options_.rank / options_.ranks;
  const std::int64_t last = count * (options_.rank + 1) / options_.ranks;
  return order.subspan(static_cast<std::size_t>(begin(index) + first), static_cast<std::size_t>(last - first));
}

}  // namespace canopy
