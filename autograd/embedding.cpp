#include <canopy/autograd/embedding.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/rows.hpp>

namespace canopy {
namespace {

// indices.shape followed by the extents of a row.
Shape looked_up_shape(const Shape& indices, const Shape& table) {
  if (table.rank() == 0) throw ShapeError("embedding: a scalar has no rows");
  const Shape row = table.without(0);
  std::array<std::int64_t, 2 * Shape::max_rank> extents{};
  const auto end = std::copy(row.begin(), row.end(), std::copy(indices.begin(), indices.end(), extents.begin()));
  return Shape(std::span<const std::int64_t>(extents.begin(), end));
}

// dy [indices' shape, ...] summed over equal indices other than `padding`.
RowGradient summed_rows(const Tensor& dy, const Indices& indices, std::optional<std::int32_t> padding,
                        const Shape& table) {
  const std::span<const std::int32_t> all = indices.elements();
  std::vector<std::int32_t> named(all.begin(), all.end());  // ascending, each once
  if (padding) std::erase(named, *padding);
  std::ranges::sort(named);
  named.erase(std::unique(named.begin(), named.end()), named.end());
  std::vector<std::int32_t> place(all.size());
  std::ranges::transform(all, place.begin(), [&](std::int32_t row) {
    if (row == padding) return kernels::no_row;
    return static_cast<std::int32_t>(std::ranges::lower_bound(named, row) - named.begin());
  });
  const auto n = static_cast<std::int64_t>(named.size());
  RowGradient grad{Indices({n}, named), Tensor::zeros(table.with(0, n))};
  kernels::scatter_add_rows(dy.data(), table.without(0).size(), place.data(), indices.size(),
                            grad.values.mutable_data(), n);
  return grad;
}

}  // namespace

Variable embedding(const Variable& table, const Indices& indices, std::optional<std::int32_t> padding) {
  Tensor value(looked_up_shape(indices.shape(), table.shape()));
  kernels::check_indices(indices.data(), indices.size(), table.extent(0), "embedding");
  kernels::gather_rows(table.value().data(), table.shape().without(0).size(), indices.data(), indices.size(),
                       value.mutable_data());
  return record("embedding", {table}, value, keep(indices),
                [=, dx = table.sink(), shape = table.shape()](const Tensor& dy) {
                  if (dx.needed()) dx.accumulate(summed_rows(dy, indices, padding, shape));
                });
}

}  // namespace canopy
