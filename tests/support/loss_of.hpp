// A loss on routing of a forward of its own.
#pragma once

#include <functional>
#include <vector>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/nn/routed/routing_trace.hpp>

namespace canopy::test {

using Loss = std::function<Variable(const nn::RoutingTrace&)>;

inline Variable loss_of(const nn::Layer& model, const Variable& x, const Loss& loss) {
  const nn::RoutingTrace trace;
  model(x);
  return loss(trace);
}

inline GradcheckResult check_loss(const nn::Layer& model, const Variable& x, const Loss& loss,
                                  const std::vector<Variable>& inputs) {
  return gradcheck([&] { return loss_of(model, x, loss); }, inputs);
}

}  // namespace canopy::test
