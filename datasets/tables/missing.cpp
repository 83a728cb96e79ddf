#include <canopy/datasets/tables/missing.hpp>

#include <cmath>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::datasets {

Tensor means_of_present(const Tensor& x, std::span<const std::int64_t> rows, const std::string& description,
                        const std::vector<std::string>& columns) {
  Tensor means({x.extent(1)});
  for (std::int64_t j = 0; j < x.extent(1); ++j) {
    double sum = 0;
    std::int64_t count = 0;
    for (const std::int64_t row : rows) {
      const float value = x.data()[row * x.extent(1) + j];
      if (std::isnan(value)) continue;
      sum += value;
      ++count;
    }
    if (count == 0) {
      throw DataError(
          fmt::format("{}: column \"{}\": expected a number in some row, found none: leave it out by ignore",
                      description, columns[static_cast<std::size_t>(j)]));
    }
    means.mutable_data()[j] = static_cast<float>(sum / static_cast<double>(count));
  }
  return means;
}

void fill_missing(Tensor& x, const Tensor& values) {
  float* out = x.mutable_data();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    if (std::isnan(out[i])) out[i] = values.data()[i % values.size()];
  }
}

}  // namespace canopy::datasets
