#include <canopy/nn/pack_weights.hpp>

#include <cmath>

#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/transformers/encoder.hpp>

#include "support/parameter.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(pack_weights)

namespace {

std::unique_ptr<nn::Encoder> encoder(nn::Projections projections) {
  return std::make_unique<nn::Encoder>(
      nn::EncoderOptions{
          .blocks = 2, .block = {.width = 24, .heads = 3, .projections = projections}, .final_norm = true},
      [](std::int64_t) {
        return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = 24, .width = 40, .outputs = 24});
      });
}

double distance(const Tensor& x, const Tensor& y) {
  double largest = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(x.data()[i]) - y.data()[i]));
  }
  return largest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_encoder_gives_the_same_and_sees_new_weights) {
  for (const nn::Projections projections : {nn::Projections::separate, nn::Projections::joined}) {
    manual_seed(1);
    const auto model = encoder(projections), other = encoder(projections);
    model->eval();
    other->eval();
    const Tensor x = test::parameter({2, 11, 24}, "x").value();
    const Tensor before = (*model)(x).value();
    nn::pack_weights(*model);
    std::int64_t packed = 0;
    for (const Variable& parameter : model->parameters()) packed += parameter.packed() ? 1 : 0;
    BOOST_TEST(packed == (projections == nn::Projections::separate ? 12 : 8));
    BOOST_TEST(distance((*model)(x).value(), before) < 1e-5);

    model->load_state_dict(other->state_dict());
    BOOST_TEST(distance((*model)(x).value(), before) > 0.1);
    BOOST_TEST(distance((*model)(x).value(), (*other)(x).value()) == 0);
    nn::pack_weights(*model);
    BOOST_TEST(distance((*model)(x).value(), (*other)(x).value()) < 1e-5);
  }
}

BOOST_AUTO_TEST_SUITE_END()
