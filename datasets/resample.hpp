// Images seen through a linear map of the plane.
#pragma once

#include <canopy/core/image_shape.hpp>

namespace canopy::datasets {

/// Where a pixel of the result comes from, both measured from the middle of the image, x to the right and y downwards:
/// (xx x + xy y + x0, yx x + yy y + y0).
struct PlaneMap {
  float xx = 1.f, xy = 0.f, x0 = 0.f;
  float yx = 0.f, yy = 1.f, y0 = 0.f;
};

/// out = `image` after the map, each value between the four pixels that are nearest to where it comes from; what comes
/// from outside of the image is 0. Both hold `shape.features()` numbers and do not overlap. A map onto pixels
/// themselves copies them.
void resample(const float* image, const ImageShape& shape, const PlaneMap& map, float* out);

}  // namespace canopy::datasets
