#include <canopy/experiments/fff/vit_model.hpp>

#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/routed/fff.hpp>

namespace canopy::fff {

using namespace harness;

namespace {

constexpr Activation activation = Activation::gelu;
constexpr Range sizes{.least = 1, .most = 4096};

}  // namespace

std::vector<Settings::Entry> vit_sizes() {
  return {{"blocks", within(sizes, std::int64_t{4})},
          {"model_width", within(sizes, std::int64_t{128})},
          {"heads", within(sizes, std::int64_t{4})},
          {"patch", within(sizes, std::int64_t{4})}};
}

std::unique_ptr<nn::Layer> make_feedforward(const Cell& cell, std::int64_t width) {
  if (const auto depth = cell.number("depth")) {
    return std::make_unique<nn::FFF>(nn::FFFOptions{.inputs = width,
                                                    .outputs = width,
                                                    .depth = static_cast<int>(*depth),
                                                    .leaf_width = cell.number("leaf_width").value(),
                                                    .activation = activation});
  }
  return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{
      .inputs = width, .width = cell.number("training_width").value(), .outputs = width, .activation = activation});
}

std::unique_ptr<nn::ViT> make_vit(const Cell& cell, const Settings& settings, double input_dropout,
                                  const ImageShape& image, std::int64_t classes) {
  const std::int64_t width = settings.get<std::int64_t>("model_width");
  const nn::ViTOptions options{.image = image,
                               .patch = settings.get<std::int64_t>("patch"),
                               .classes = classes,
                               .dropout = static_cast<float>(input_dropout),
                               .encoder = {.blocks = settings.get<std::int64_t>("blocks"),
                                           .block = {.width = width, .heads = settings.get<std::int64_t>("heads")},
                                           .final_norm = true}};
  return std::make_unique<nn::ViT>(options, [&](std::int64_t) { return make_feedforward(cell, width); });
}

}  // namespace canopy::fff
