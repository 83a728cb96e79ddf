// The shape of an image.
#pragma once

#include <cstdint>

namespace canopy {

/// An image is a row of features: channel by channel, each row by row.
struct ImageShape {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 1;

  std::int64_t features() const { return height * width * channels; }
  bool operator==(const ImageShape&) const = default;
};

}  // namespace canopy
