// What a data set is: anything that knows how many samples it has and makes batches of them.
#pragma once

#include <concepts>
#include <cstdint>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace canopy {

/// `size()` is the number of samples; `batch(indices)` gives those at these positions, in this order, as a value of any
/// type (images and labels, tokens and masks, one tensor). A data set is a handle: copies share what they hold. `batch`
/// is called from the loader's thread where a DataLoader prefetches.
template <class D>
concept Dataset = std::copy_constructible<D> && requires(const D& dataset, std::span<const std::int64_t> indices) {
  { dataset.size() } -> std::convertible_to<std::int64_t>;
  { dataset.batch(indices) } -> std::move_constructible;
};

/// What `batch` of a data set returns.
template <Dataset D>
using BatchOf =
    std::remove_cvref_t<decltype(std::declval<const D&>().batch(std::declval<std::span<const std::int64_t>>()))>;

/// All samples as one batch, in their order.
template <Dataset D>
BatchOf<D> whole_batch(const D& dataset) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(dataset.size()));
  std::iota(all.begin(), all.end(), 0);
  return dataset.batch(all);
}

}  // namespace canopy
