#include <canopy/autograd/image_patches.hpp>

#include <algorithm>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/threads.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

// Calls move(image, patches, n) for every run of n = `patch` pixels that is a row of a patch: offsets into both arrays.
template <class Move>
void for_each_run(std::int64_t batch, const ImageShape& shape, std::int64_t patch, const Move& move) {
  const std::int64_t across = shape.width / patch, down = shape.height / patch;
  const std::int64_t pixels = shape.features();
  parallel_for(batch, 8, [&](std::int64_t image, std::int64_t end) {
    for (; image < end; ++image) {
      std::int64_t to = image * pixels;
      for (std::int64_t p = 0; p < down * across; ++p) {
        const std::int64_t corner = p / across * patch * shape.width + p % across * patch;
        for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
          for (std::int64_t row = 0; row < patch; ++row, to += patch) {
            move(image * pixels + (channel * shape.height + row) * shape.width + corner, to, patch);
          }
        }
      }
    }
  });
}

}  // namespace

Variable image_patches(const Variable& images, const ImageShape& shape, std::int64_t patch) {
  const std::int64_t pixels = shape.features();
  const std::int64_t batch = images.shape().rank() > 0 ? images.extent(0) : 0;
  if (images.shape().rank() < 2 || images.size() != batch * pixels || pixels == 0 || patch < 1 ||
      shape.height % patch != 0 || shape.width % patch != 0) {
    throw ShapeError(
        fmt::format("image_patches: images {} where [batch, {} x {} x {}] is needed, cut into squares of {}",
                    images.shape().to_string(), shape.channels, shape.height, shape.width, patch));
  }
  Tensor patches({batch, pixels / (shape.channels * patch * patch), shape.channels * patch * patch});
  for_each_run(batch, shape, patch,
               [in = images.value().data(), out = patches.mutable_data()](
                   std::int64_t from, std::int64_t to, std::int64_t n) { std::copy_n(in + from, n, out + to); });
  return record("image_patches", {images}, std::move(patches), keep(),
                [=, sink = images.sink(), whole = images.shape()](const Tensor& dy) {
                  Tensor gradient(whole);
                  for_each_run(
                      batch, shape, patch,
                      [in = dy.data(), out = gradient.mutable_data()](
                          std::int64_t to, std::int64_t from, std::int64_t n) { std::copy_n(in + from, n, out + to); });
                  sink.accumulate(std::move(gradient));
                });
}

}  // namespace canopy
