// The vision transformer.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <canopy/autograd/image_patches.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/transformers/encoder.hpp>

namespace canopy::nn {

enum class ImagePooling {
  class_token,  ///< a learned token before the patches is read
  mean          ///< the mean of all patches is
};

struct ViTOptions {
  ImageShape image = {};
  std::int64_t patch = 0;  ///< pixels a side
  std::int64_t classes = 0;
  ImagePooling pooling = ImagePooling::class_token;
  float dropout = 0.f;  ///< of the encoder's input, in training
  EncoderOptions encoder = {.final_norm = true};
};

/// Dosovitskiy et al. 2021: patches of the image through a linear map, learned positions added, an encoder, and a
/// linear map of the class token or the mean. images [batch, ...] of channels, rows, columns -> [batch, classes].
/// Parameters "patches.weight" [width, channels, patch, patch], "patches.bias", "class_token" [1, 1, width],
/// "positions" [1, tokens, width]; submodules "encoder" and "head". Positions and class token are normal with deviation
/// 0.02 at first.
class ViT : public Layer {
 public:
  /// Throws ConfigError for sizes below 1, a patch that does not divide both sides, and as Encoder.
  ViT(const ViTOptions& options, const MakeFeedForward& feedforward);
  /// With an encoder's blocks made elsewhere; of `options.encoder` width, final norm, its epsilon and recomputing
  /// count.
  ViT(const ViTOptions& options, std::vector<std::unique_ptr<Block>> blocks);

  Variable forward(const Variable& images) const override;
  /// The encoder's input, what each block gives, and what the final norm makes of it: [batch, tokens, width].
  std::vector<Variable> hidden(const Variable& images) const;
  /// The class token or the mean of the last of them: [batch, width].
  Variable pooled(const Variable& last) const;
  /// Of what is pooled: [batch, classes].
  Variable classified(const Variable& pooled) const { return head_(pooled); }

  std::int64_t tokens() const;
  Architecture architecture() const override;
  Encoder& encoder() { return encoder_; }

 private:
  Variable embedded(const Variable& images) const;

  ViTOptions options_;
  Parameters patches_;
  Variable weight_, bias_, class_token_, positions_;
  Dropout dropout_;
  Encoder encoder_;
  Linear head_;
};

}  // namespace canopy::nn
