#include <canopy/datasets/augmented_images.hpp>

#include <array>
#include <cmath>
#include <numbers>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/datasets/resample.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

void require(bool valid, const char* option, double value, const char* expected) {
  if (!valid) throw ConfigError(fmt::format("AugmentedImages: {} must be {}, not {}", option, expected, value));
}

void check(const Augmentation& a) {
  const auto check_probability = [](const char* option, double p) { require(p >= 0 && p <= 1, option, p, "0 to 1"); };
  check_probability("horizontal_flip", a.horizontal_flip);
  check_probability("vertical_flip", a.vertical_flip);
  require(a.rotate >= 0 && std::isfinite(a.rotate), "rotate", a.rotate, "at least 0");
  require(a.translate >= 0 && std::isfinite(a.translate), "translate", a.translate, "at least 0");
  require(a.scale >= 0 && a.scale < 1, "scale", a.scale, "at least 0 and below 1");
}

// For one image, from the stream's next numbers, as many for every image. A pixel comes from where the inverse of
// "flip, turn, scale, move" leads.
datasets::PlaneMap draw(const Augmentation& a, const ImageShape& shape, RandomStream& random) {
  std::array<float, 6> drawn{};
  random.fill_uniform(drawn, 0.f, 1.f);
  const auto [left_right, top_bottom, turn, size, right, down] = drawn;
  const auto either_way = [](double most, float u) { return most * (2. * u - 1); };
  const double angle = either_way(a.rotate, turn) * std::numbers::pi / 180;
  const double zoom = 1 / (1 + either_way(a.scale, size));
  const double cosine = zoom * std::cos(angle), sine = zoom * std::sin(angle);
  const double move_x = either_way(a.translate, right) * static_cast<double>(shape.width);
  const double move_y = either_way(a.translate, down) * static_cast<double>(shape.height);
  const double x = left_right < a.horizontal_flip ? -1 : 1, y = top_bottom < a.vertical_flip ? -1 : 1;
  return {.xx = static_cast<float>(x * cosine),
          .xy = static_cast<float>(x * sine),
          .x0 = static_cast<float>(-x * (cosine * move_x + sine * move_y)),
          .yx = static_cast<float>(-y * sine),
          .yy = static_cast<float>(y * cosine),
          .y0 = static_cast<float>(-y * (-sine * move_x + cosine * move_y))};
}

}  // namespace

AugmentedImages::AugmentedImages(ImageDataset images, const Augmentation& augmentation)
    : images_(std::move(images)), augmentation_(augmentation), seed_(current_seed()) {
  check(augmentation);
}

void AugmentedImages::start_pass(std::uint64_t pass) { pass_ = pass; }

std::pair<Tensor, Indices> AugmentedImages::batch(std::span<const std::int64_t> indices) const {
  const auto [images, labels] = images_.batch(indices);
  const ImageShape& shape = images_.image_shape();
  Tensor changed(images.shape());
  RandomStream random(seed_, fmt::format("augmentation {}", pass_));
  constexpr std::uint64_t blocks = 2;  // of four numbers, that an image takes
  for (std::size_t i = 0; i < indices.size(); ++i) {
    random.seek(blocks * static_cast<std::uint64_t>(indices[i]));
    const std::int64_t first = static_cast<std::int64_t>(i) * shape.features();
    datasets::resample(images.data() + first, shape, draw(augmentation_, shape, random),
                       changed.mutable_data() + first);
  }
  return {changed, labels};
}

}  // namespace canopy
