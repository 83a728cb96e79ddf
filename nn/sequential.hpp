// Layers in sequence.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <canopy/nn/module.hpp>

namespace canopy::nn {

/// y = layer_n(... layer_1(layer_0(x))); submodules are named "0", "1", ...
class Sequential : public Layer {
 public:
  /// Appends a new layer and returns it: `model.add<nn::Linear>({.inputs = 3, .outputs = 4})`.
  template <class L>
  L& add(const typename L::Options& options) {
    return keep(std::make_unique<L>(options));
  }
  /// The same from other arguments of its constructor: `model.add<nn::Residual>(std::make_unique<nn::Linear>(...))`.
  template <class L, class... Arguments>
  L& add(Arguments&&... arguments) {
    return keep(std::make_unique<L>(std::forward<Arguments>(arguments)...));
  }
  void append(std::unique_ptr<Layer> layer);

  Variable forward(const Variable& x) const override;
  Architecture architecture() const override;
  std::size_t size() const { return layers_.size(); }
  Layer& operator[](std::size_t i) { return *layers_.at(i); }

 private:
  template <class L>
  L& keep(std::unique_ptr<L> layer) {
    L& result = *layer;
    append(std::move(layer));
    return result;
  }

  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace canopy::nn
