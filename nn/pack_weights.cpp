#include <canopy/nn/pack_weights.hpp>

namespace canopy::nn {

void pack_weights(Module& module) {
  module.for_each_module([](Module& each) { each.pack(); });
}

}  // namespace canopy::nn
