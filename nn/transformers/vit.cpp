#include <canopy/nn/transformers/vit.hpp>

#include <utility>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/core/error.hpp>
#include <canopy/nn/initialise.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

const ViTOptions& checked(const ViTOptions& options) {
  const ImageShape& image = options.image;
  if (image.channels < 1 || options.patch < 1 || image.height < 1 || image.width < 1 ||
      image.height % options.patch != 0 || image.width % options.patch != 0) {
    throw ConfigError(fmt::format("ViT: an image of {} x {} x {} cannot be cut into squares of {}", image.channels,
                                  image.height, image.width, options.patch));
  }
  return options;
}

}  // namespace

ViT::ViT(const ViTOptions& options, const MakeFeedForward& feedforward)
    : ViT(options, make_blocks(options.encoder, feedforward)) {}

ViT::ViT(const ViTOptions& options, std::vector<std::unique_ptr<Block>> blocks)
    : options_(checked(options)),
      dropout_({.probability = options.dropout}),
      encoder_(options.encoder, std::move(blocks)),
      head_({.inputs = options.encoder.block.width, .outputs = options.classes}) {
  const std::int64_t width = options.encoder.block.width, patch = options.patch;
  const std::int64_t pixels = options.image.channels * patch * patch;
  const Shape kernel{width, options.image.channels, patch, patch};
  weight_ = patches_.add_parameter("weight", uniform_fan_in(kernel, pixels));
  bias_ = patches_.add_parameter("bias", uniform_fan_in({width}, pixels));
  add_module("patches", patches_);
  if (options.pooling == ImagePooling::class_token) {
    class_token_ = add_parameter("class_token", normal({1, 1, width}, 0.02f));
  }
  positions_ = add_parameter("positions", normal({1, tokens(), width}, 0.02f));
  add_module("dropout", dropout_);
  add_module("encoder", encoder_);
  add_module("head", head_);
}

std::int64_t ViT::tokens() const {
  const std::int64_t patches = (options_.image.height / options_.patch) * (options_.image.width / options_.patch);
  return patches + (options_.pooling == ImagePooling::class_token ? 1 : 0);
}

Variable ViT::embedded(const Variable& images) const {
  const Variable pixels = image_patches(images, options_.image, options_.patch);
  const std::int64_t width = weight_.extent(0);
  Variable x = linear(pixels, reshape(weight_, {width, pixels.extent(-1)}), bias_);
  if (class_token_.is_defined()) {
    x = concatenate({class_token_ + Tensor::zeros({images.extent(0), 1, width}), x}, 1);
  }
  return dropout_(x + positions_);
}

std::vector<Variable> ViT::hidden(const Variable& images) const {
  const Variable x = embedded(images);
  return encoder_.hidden(x, sequences_of(x.shape()));
}

Variable ViT::pooled(const Variable& last) const {
  if (!class_token_.is_defined()) return mean(last, 1);
  return reshape(slice(last, 1, 0, 1), {last.extent(0), last.extent(-1)});
}

Variable ViT::forward(const Variable& images) const { return classified(pooled(encoder_(embedded(images)))); }

Architecture ViT::architecture() const {
  Architecture described{.name = "vit",
                         .options = {{"channels", fmt::to_string(options_.image.channels)},
                                     {"height", fmt::to_string(options_.image.height)},
                                     {"width", fmt::to_string(options_.image.width)}}};
  if (options_.dropout > 0.f) described.options.emplace("dropout", fmt::to_string(options_.dropout));
  described.layers.push_back(encoder_.architecture());
  return described;
}

}  // namespace canopy::nn
