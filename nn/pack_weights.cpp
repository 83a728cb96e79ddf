#include <canopy/nn/pack_weights.hpp>

#include <canopy/nn/linear.hpp>

namespace canopy::nn {

void pack_weights(Module& module) {
  module.for_each_module([](Module& each) {
    if (auto* linear = dynamic_cast<Linear*>(&each)) linear->pack();
  });
}

}  // namespace canopy::nn
