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
  /// Appends a new layer and returns it: `model.add<Linear>(LinearOptions{...})`.
  template <class L, class... Arguments>
  L& add(Arguments&&... arguments) {
    auto layer = std::make_unique<L>(std::forward<Arguments>(arguments)...);
    L& result = *layer;
    append(std::move(layer));
    return result;
  }
  void append(std::unique_ptr<Layer> layer);

  Variable forward(const Variable& x) const override;
  Architecture architecture() const override;
  std::size_t size() const { return layers_.size(); }
  Layer& operator[](std::size_t i) { return *layers_.at(i); }

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace canopy::nn
