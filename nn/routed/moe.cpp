#include <canopy/nn/routed/moe.hpp>

#include <algorithm>
#include <utility>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/autograd/top_k.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/rows.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/initialise.hpp>
#include <canopy/nn/routed/routing_trace.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

constexpr float least_deviation = 1e-2f;

Indices first_columns(const Indices& x, std::int64_t columns) {
  if (columns == x.extent(1)) return x;
  Indices result({x.extent(0), columns});
  for (std::int64_t r = 0; r < x.extent(0); ++r) {
    std::copy_n(x.data() + r * x.extent(1), columns, result.mutable_data() + r * columns);
  }
  return result;
}

// Of the chosen logits [batch, k]. A single one has the gate 1 and no gradient.
Variable gates_of(const Variable& logits) {
  return logits.extent(1) == 1 ? Variable(Tensor(logits.shape(), 1.f)) : softmax(logits);
}

}  // namespace

MoE::MoE(const MoEOptions& options) : options_(options) {
  if (options.inputs < 1 || options.outputs < 1 || options.experts < 1 || options.expert_width < 1) {
    throw ConfigError(
        fmt::format("MoE: inputs ({}), outputs ({}), experts ({}) and expert_width ({}) must be at least 1",
                    options.inputs, options.outputs, options.experts, options.expert_width));
  }
  if (options.k < 1 || options.k > options.experts) {
    throw ConfigError(
        fmt::format("MoE: k must lie in 1..{}, the number of experts, not {}", options.experts, options.k));
  }
  const std::int64_t inputs = options.inputs, experts = options.experts, width = options.expert_width;
  w_gate_ = add_parameter("w_gate", uniform_fan_in({experts, inputs}, inputs), FileLayout::transposed);
  if (options.gate_bias) b_gate_ = add_parameter("b_gate", uniform_fan_in({experts}, inputs));
  if (options.noise) {
    w_noise_ = add_parameter("w_noise", Tensor::zeros({experts, inputs}), FileLayout::transposed);
    if (options.gate_bias) b_noise_ = add_parameter("b_noise", Tensor::zeros({experts}));
  }
  w1_ = add_parameter("w1", uniform_fan_in({experts, width, inputs}, inputs), FileLayout::transposed);
  b1_ = add_parameter("b1", uniform_fan_in({experts, width}, inputs));
  w2_ = add_parameter("w2", uniform_fan_in({experts, width, options.outputs}, width));
  b2_ = add_parameter("b2", uniform_fan_in({experts, options.outputs}, width));
}

Variable MoE::mix(const Variable& x, const Groups& groups, const Variable& gates) const {
  const bool single = groups.choices() == 1;
  const Variable hidden = grouped_linear(x, groups, w1_, b1_, {.activation = options_.activation});
  const Variable y = grouped_linear(hidden, groups, w2_, b2_,
                                    {.weights = GroupedWeights::inputs_by_outputs,
                                     .input = RowOrder::grouped,
                                     .output = single ? RowOrder::given : RowOrder::grouped});
  return single ? y : combine(y, groups, gates);
}

Variable MoE::forward_rows(const Variable& x) const {
  if (is_training()) {
    Tensor noise;
    if (options_.noise) {
      noise = Tensor({x.extent(0), options_.experts});
      random_stream("gate noise").fill_normal(noise.mutable_elements(), 0.f, 1.f);
    }
    return choose_with_noise(x, noise);
  }
  const Variable logits = linear(x, w_gate_, b_gate_);
  const Indices chosen = top_k(logits.value(), options_.k);
  const Variable largest = gather(logits, chosen);
  const Groups groups(chosen, options_.experts);
  const Variable gates = gates_of(largest);
  if (RoutingTrace* trace = RoutingTrace::live()) {
    if (trace->options().details) {
      trace->add(*this, x, GateDecisions{logits, {}, largest, chosen, groups, gates});
    } else {
      trace->add(*this, x, ChosenBranches{chosen});
    }
  }
  return mix(x, groups, gates);
}

Variable MoE::forward(const Variable& x, const Tensor& noise) const {
  const Variable rows = rows_of(x);
  const Shape expected = options_.noise ? Shape{rows.extent(0), options_.experts} : Shape{0};
  if (noise.shape() != expected) {
    throw ShapeError(fmt::format("MoE: the input {} needs the noise {}, not {}", x.shape().to_string(),
                                 expected.to_string(), noise.shape().to_string()));
  }
  return reshape(choose_with_noise(rows, noise), x.shape().with(-1, options_.outputs));
}

Variable MoE::choose_with_noise(const Variable& x, const Tensor& noise) const {
  const Variable clean = linear(x, w_gate_, b_gate_);
  Variable logits = clean, deviation;
  if (options_.noise) {
    deviation = linear(x, w_noise_, b_noise_, Activation::softplus) + least_deviation;
    logits = clean + deviation * noise;
  }
  const std::int64_t k = options_.k;
  const Indices order = top_k(logits.value(), std::min(k + 1, options_.experts));
  const Variable largest = gather(logits, order);
  const Indices chosen = first_columns(order, k);
  const Groups groups(chosen, options_.experts);
  const Variable gates = gates_of(slice(largest, 1, 0, k));
  if (RoutingTrace* trace = RoutingTrace::live()) {
    trace->add(*this, x, GateDecisions{clean, deviation, largest, chosen, groups, gates});
  }
  return mix(x, groups, gates);
}

MoE::Inference MoE::infer(const Tensor& x) const {
  const NoRecord pause;
  const Variable rows = rows_of(x);
  const Variable logits = linear(rows, w_gate_, b_gate_);
  const Indices chosen = top_k(logits.value(), options_.k);
  const Variable y = mix(rows, Groups(chosen, options_.experts), gates_of(gather(logits, chosen)));
  return {y.value().reshape(x.shape().with(-1, options_.outputs)), chosen};
}

RoutedParameters MoE::routed_parameters() const {
  RoutedParameters parameters{.nodes = {}, .branches = {w1_, b1_, w2_, b2_}, .shared = {}};
  for (const Variable& each : {w_gate_, b_gate_, w_noise_, b_noise_}) {
    if (each.is_defined()) parameters.shared.push_back(each);
  }
  return parameters;
}

Architecture MoE::architecture() const {
  return {.name = "moe",
          .options = {{"k", std::to_string(options_.k)}, {"activation", std::string(to_string(options_.activation))}}};
}

}  // namespace canopy::nn
