// Data sets made of data sets. Each is a data set again, for a DataLoader or for another one around it:
//
//   auto flipped = datasets::map(train, [](const auto& batch) { return std::pair(flip(batch.first), batch.second); });
//   for (const auto& [images, labels] : DataLoader(datasets::concatenate(train, flipped), {.shuffle = true})) ...
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/datasets/dataset.hpp>

namespace canopy {

namespace detail {
[[noreturn]] void throw_index(const char* dataset, std::int64_t index, std::int64_t size);
[[noreturn]] void throw_unlike_samples(const Shape& a, const Shape& b);

/// Throws ShapeError for an index that is not in [0, size).
inline void check_index(const char* dataset, std::int64_t index, std::int64_t size) {
  if (index < 0 || index >= size) throw_index(dataset, index, size);
}
}  // namespace detail

/// The batches of a data set after a function of them: augmentation, another encoding, fewer columns. The function is
/// called for every batch anew, from the loader's thread where it prefetches.
template <Dataset D, std::invocable<BatchOf<D>> F>
class MappedDataset {
 public:
  MappedDataset(D dataset, F function) : dataset_(std::move(dataset)), function_(std::move(function)) {}

  std::int64_t size() const { return dataset_.size(); }
  auto batch(std::span<const std::int64_t> indices) const { return std::invoke(function_, dataset_.batch(indices)); }

 private:
  D dataset_;
  F function_;
};

/// The samples at some positions of a data set, in that order; a position may come several times.
template <Dataset D>
class SubsetDataset {
 public:
  /// Throws ShapeError for an index that is not in [0, dataset.size()).
  SubsetDataset(D dataset, std::vector<std::int64_t> indices) : dataset_(std::move(dataset)) {
    for (const std::int64_t index : indices) detail::check_index("subset", index, dataset_.size());
    indices_ = std::make_shared<const std::vector<std::int64_t>>(std::move(indices));
  }

  std::int64_t size() const { return static_cast<std::int64_t>(indices_->size()); }
  /// Throws ShapeError for an index that is not in [0, size).
  BatchOf<D> batch(std::span<const std::int64_t> indices) const {
    std::vector<std::int64_t> inner;
    inner.reserve(indices.size());
    for (const std::int64_t index : indices) {
      detail::check_index("subset", index, size());
      inner.push_back((*indices_)[static_cast<std::size_t>(index)]);
    }
    return dataset_.batch(inner);
  }

 private:
  D dataset_;
  std::shared_ptr<const std::vector<std::int64_t>> indices_;
};

namespace detail {

/// Where a sample of a joined batch comes from.
struct Origin {
  std::size_t part;
  std::int64_t row;
};

/// Row i of the result is row origins[i].row of parts[origins[i].part]. Parts without rows may have any shape.
template <class T>
Array<T> join(std::span<const Array<T>> parts, std::span<const Origin> origins) {
  const Shape& like = parts[origins.empty() ? 0 : origins.front().part].shape();
  const Shape row = like.without(0);
  for (const Origin& origin : origins) {
    const Shape other = parts[origin.part].shape().without(0);
    if (other != row) throw_unlike_samples(row, other);
  }
  Array<T> result(like.with(0, static_cast<std::int64_t>(origins.size())));
  T* out = result.mutable_data();
  for (const Origin& origin : origins) {
    out = std::copy_n(parts[origin.part].data() + origin.row * row.size(), row.size(), out);
  }
  return result;
}

/// A pair or a tuple is joined element by element.
template <template <class...> class Tuple, class... Elements>
Tuple<Elements...> join(std::span<const Tuple<Elements...>> parts, std::span<const Origin> origins) {
  const auto element = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    std::vector<std::tuple_element_t<I, Tuple<Elements...>>> elements;
    for (const auto& part : parts) elements.push_back(std::get<I>(part));
    return join(std::span<const std::tuple_element_t<I, Tuple<Elements...>>>(elements), origins);
  };
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return Tuple<Elements...>(element(std::integral_constant<std::size_t, I>())...);
  }
  (std::index_sequence_for<Elements...>());
}

}  // namespace detail

/// The samples of several data sets, one data set after the other. Their batches are of one type: an Array with one
/// sample a row, or a pair or tuple of such.
template <Dataset First, Dataset... Others>
requires(std::same_as<BatchOf<First>, BatchOf<Others>>&&...) class ConcatenatedDataset {
 public:
  explicit ConcatenatedDataset(First first, Others... others) : parts_(std::move(first), std::move(others)...) {
    std::size_t part = 0;
    std::int64_t end = 0;
    std::apply([&](const auto&... each) { ((ends_[part++] = end += each.size()), ...); }, parts_);
  }

  std::int64_t size() const { return ends_.back(); }
  /// Throws ShapeError for an index that is not in [0, size), and for samples of different shapes.
  BatchOf<First> batch(std::span<const std::int64_t> indices) const {
    std::array<std::vector<std::int64_t>, count> of_part;
    std::vector<detail::Origin> origins;
    origins.reserve(indices.size());
    for (const std::int64_t index : indices) {
      detail::check_index("concatenation", index, size());
      const auto part = static_cast<std::size_t>(std::ranges::upper_bound(ends_, index) - ends_.begin());
      origins.push_back({part, static_cast<std::int64_t>(of_part[part].size())});
      of_part[part].push_back(index - (part == 0 ? 0 : ends_[part - 1]));
    }
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const std::array<BatchOf<First>, count> batches{std::get<I>(parts_).batch(of_part[I])...};
      return detail::join(std::span<const BatchOf<First>>(batches), origins);
    }
    (std::make_index_sequence<count>());
  }

 private:
  static constexpr std::size_t count = 1 + sizeof...(Others);

  std::tuple<First, Others...> parts_;
  std::array<std::int64_t, count> ends_{};  // where each part ends
};

namespace datasets {

// As the class templates, whose arguments they deduce.

template <Dataset D, class F>
auto map(D dataset, F function) {
  return MappedDataset<D, F>(std::move(dataset), std::move(function));
}
template <Dataset D>
auto subset(D dataset, std::vector<std::int64_t> indices) {
  return SubsetDataset<D>(std::move(dataset), std::move(indices));
}
template <Dataset... Ds>
auto concatenate(Ds... parts) {
  return ConcatenatedDataset<Ds...>(std::move(parts)...);
}

}  // namespace datasets

}  // namespace canopy
