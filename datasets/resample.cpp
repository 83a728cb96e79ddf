#include <canopy/datasets/resample.hpp>

#include <cmath>

namespace canopy::datasets {
namespace {

// The pixel of one channel, 0 outside.
float pixel(const float* plane, const ImageShape& shape, std::int64_t row, std::int64_t column) {
  const bool inside = row >= 0 && row < shape.height && column >= 0 && column < shape.width;
  return inside ? plane[row * shape.width + column] : 0.f;
}

}  // namespace

void resample(const float* image, const ImageShape& shape, const PlaneMap& map, float* out) {
  const std::int64_t plane = shape.height * shape.width;
  const float middle_x = static_cast<float>(shape.width - 1) / 2, middle_y = static_cast<float>(shape.height - 1) / 2;
  for (std::int64_t i = 0; i < plane; ++i) {
    const std::int64_t to_row = i / shape.width, to_column = i % shape.width;
    const float x = static_cast<float>(to_column) - middle_x, y = static_cast<float>(to_row) - middle_y;
    const float from_x = map.xx * x + map.xy * y + map.x0 + middle_x;
    const float from_y = map.yx * x + map.yy * y + map.y0 + middle_y;
    const auto column = static_cast<std::int64_t>(std::floor(from_x)),
               row = static_cast<std::int64_t>(std::floor(from_y));
    const float right = from_x - static_cast<float>(column), below = from_y - static_cast<float>(row);
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      const float* values = image + channel * plane;
      const float upper =
          (1 - right) * pixel(values, shape, row, column) + right * pixel(values, shape, row, column + 1);
      const float lower =
          (1 - right) * pixel(values, shape, row + 1, column) + right * pixel(values, shape, row + 1, column + 1);
      out[channel * plane + i] = (1 - below) * upper + below * lower;
    }
  }
}

}  // namespace canopy::datasets
