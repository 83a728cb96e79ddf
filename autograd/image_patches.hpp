// Images cut into squares.
#pragma once

#include <cstdint>

#include <canopy/autograd/variable.hpp>
#include <canopy/core/image_shape.hpp>

namespace canopy {

/// The squares of `patch` x `patch` pixels of each image, row by row of them: images [batch, ...] of channels, rows and
/// columns -> [batch, patches, channels patch^2], each patch by channel, row and column, as the kernel of a convolution
/// whose stride is its size. Throws ShapeError unless the images have that many pixels and the patch divides both
/// sides.
Variable image_patches(const Variable& images, const ImageShape& shape, std::int64_t patch);

}  // namespace canopy
