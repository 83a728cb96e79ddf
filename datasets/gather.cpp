#include <canopy/datasets/gather.hpp>

#include <algorithm>

#include <canopy/core/threads.hpp>

namespace canopy::datasets {
namespace {

// Elements a thread must have to be worth waking.
constexpr std::int64_t grain = 1 << 15;

// A division, not a product with 1/255: x is then the nearest float, as elsewhere in the field.
float unit(std::uint8_t byte) { return static_cast<float>(byte) / 255.f; }
float unit(float value) { return value; }

template <class T>
void convert_row(const T* in, const Standardisation& standardisation, float* out, std::int64_t features) {
  if (standardisation.identity()) {
    for (std::int64_t j = 0; j < features; ++j) out[j] = unit(in[j]);
    return;
  }
  const float* offset = standardisation.offset.data();
  const float* scale = standardisation.scale.data();
  for (std::int64_t j = 0; j < features; ++j) out[j] = (unit(in[j]) - offset[j]) * scale[j];
}

// Rows drawn at random are in no cache; asked for some rows ahead, they are there in time (a batch of 256 MNIST images
// takes 80 us instead of 135).
template <class T>
void prefetch_row(const T* row, std::int64_t features) {
  const auto* bytes = reinterpret_cast<const char*>(row);
  const auto count = features * static_cast<std::int64_t>(sizeof(T));
  constexpr std::int64_t cache_line = 64;
  for (std::int64_t i = 0; i < count; i += cache_line) __builtin_prefetch(bytes + i);
}

template <class T>
void gather_rows(const T* in, std::int64_t features, std::span<const std::int64_t> rows,
                 const Standardisation& standardisation, float* out) {
  const std::int64_t rows_at_once = std::max<std::int64_t>(grain / std::max<std::int64_t>(features, 1), 1);
  parallel_for(static_cast<std::int64_t>(rows.size()), rows_at_once, [&](std::int64_t begin, std::int64_t end) {
    constexpr std::int64_t ahead = 4;
    const auto at = [&](std::int64_t i) { return in + rows[static_cast<std::size_t>(i)] * features; };
    for (std::int64_t i = begin; i < std::min(begin + ahead, end); ++i) prefetch_row(at(i), features);
    for (std::int64_t i = begin; i < end; ++i) {
      if (i + ahead < end) prefetch_row(at(i + ahead), features);
      convert_row(at(i), standardisation, out + i * features, features);
    }
  });
}

}  // namespace

void gather(const float* in, std::int64_t features, std::span<const std::int64_t> rows,
            const Standardisation& standardisation, float* out) {
  gather_rows(in, features, rows, standardisation, out);
}

void gather(const std::uint8_t* in, std::int64_t features, std::span<const std::int64_t> rows,
            const Standardisation& standardisation, float* out) {
  gather_rows(in, features, rows, standardisation, out);
}

}  // namespace canopy::datasets
