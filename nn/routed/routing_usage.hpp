// How much training uses each node and branch, for optimizers that step rows by their own use (paper 1's localised
// optimisation).
#pragma once

#include <vector>

#include <canopy/nn/routed/routing_trace.hpp>

namespace canopy::nn {

/// What counts as use.
enum class Usage {
  soft,  ///< the weight with which rows reach a node or branch, summed; of hard decisions their number
  hard   ///< the number of rows whose hard decisions lead there
};

/// Counts of one layer since they were last taken: whoever takes them (optim::LocalBatch shares the buffers) sets them
/// back to 0.
struct LayerUsage {
  RoutedLayer* layer;
  Tensor nodes;     ///< [rows of its node parameters]; of a mixture [0]
  Tensor branches;  ///< [branches]
};

class RoutingUsage {
 public:
  /// Of every routed layer of the model, which must outlive it.
  RoutingUsage(Module& model, Usage usage);

  const std::vector<LayerUsage>& layers() const { return layers_; }
  /// Adds the decisions of a forward in training.
  void add(const RoutingTrace& trace);

 private:
  Usage usage_;
  std::vector<LayerUsage> layers_;
};

}  // namespace canopy::nn
