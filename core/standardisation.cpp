#include <canopy/core/standardisation.hpp>

#include <algorithm>
#include <cmath>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

// `f` in floats, or in double where those leave their range, if only on the way.
template <class F>
float within_range(F f, float value, float offset, float scale) {
  const float y = f(value, offset, scale);
  return std::isfinite(y) ? y : static_cast<float>(f(double{value}, double{offset}, double{scale}));
}

// A map of one column is that of every element.
template <class F>
Tensor map_columns(const Standardisation& standardisation, const Tensor& x, F f) {
  const std::int64_t given = std::max(standardisation.offset.size(), standardisation.scale.size());
  const std::int64_t columns = given > 1 ? x.extent(-1) : 1;
  standardisation.check(columns);
  Tensor y(x.shape());
  float* out = y.mutable_data();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const std::int64_t column = i % columns;
    out[i] = within_range(f, x.data()[i], standardisation.offset_of(column), standardisation.scale_of(column));
  }
  return y;
}

}  // namespace

void Standardisation::check(std::int64_t columns) const {
  const bool offset_fits = offset.empty() || offset.size() == columns;
  const bool scale_fits = scale.empty() || scale.size() == 1 || scale.size() == columns;
  if (!offset_fits || !scale_fits) {
    throw ShapeError(fmt::format("standardisation: offset {} and scale {} do not fit {} {}", offset.shape().to_string(),
                                 scale.shape().to_string(), columns, columns == 1 ? "column" : "columns"));
  }
}

Tensor Standardisation::apply(const Tensor& x) const {
  return map_columns(*this, x, [](auto value, auto o, auto s) { return (value - o) * s; });
}

Tensor Standardisation::invert(const Tensor& y) const {
  return map_columns(*this, y, [](auto value, auto o, auto s) { return value / s + o; });
}

Standardisation compose(const Standardisation& first, const Standardisation& second, std::int64_t columns) {
  first.check(columns);
  second.check(columns);
  if (first.identity()) return second;
  if (second.identity()) return first;
  Standardisation both{.offset = Tensor({columns}), .scale = Tensor({columns})};
  float* offset = both.offset.mutable_data();
  float* scale = both.scale.mutable_data();
  // ((x - o1) s1 - o2) s2 = (x - (o1 + o2 / s1)) s1 s2
  for (std::int64_t j = 0; j < columns; ++j) {
    offset[j] = first.offset_of(j) + second.offset_of(j) / first.scale_of(j);
    scale[j] = first.scale_of(j) * second.scale_of(j);
  }
  return both;
}

}  // namespace canopy
