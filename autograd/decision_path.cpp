#include <canopy/autograd/decision_path.hpp>

#include <cmath>
#include <utility>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/combine.hpp>
#include <canopy/core/kernels/neuron_tree.hpp>
#include <canopy/core/kernels/routing.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

std::int64_t nodes_of(int depth) { return (std::int64_t{1} << depth) - 1; }

float sigmoid(float z) { return 1.f / (1.f + std::exp(-z)); }

}  // namespace

// dw_k = sum of dz x and db_k = sum of dz over the rows that pass k, dx = sum of dz w_k over a row's path: those of a
// tree of neurons of which the last decides, too
DecisionPath decision_path(const Variable& x, const Variable& weights, const Variable& biases, int depth,
                           const Tensor& sign) {
  const std::int64_t nodes = nodes_of(depth);
  if (x.shape().rank() != 2 || weights.shape() != Shape{nodes, x.extent(1)} || biases.shape() != Shape{nodes, 1} ||
      (!sign.empty() && sign.shape() != Shape{x.extent(0), depth})) {
    throw ShapeError(fmt::format("decision_path: x {}, weights {}, biases {} and sign {} do not fit a tree of depth {}",
                                 x.shape().to_string(), weights.shape().to_string(), biases.shape().to_string(),
                                 sign.shape().to_string(), depth));
  }
  const std::int64_t batch = x.extent(0), inputs = x.extent(1);
  DecisionPath path{{}, Indices({batch})};
  Tensor logits({batch, depth});
  kernels::route({inputs, depth, weights.value().data(), biases.value().data()}, x.value().data(), batch,
                 path.leaf.mutable_data(), sign.empty() ? nullptr : sign.data(), logits.mutable_data());
  const auto backward = [=, leaf = path.leaf, dx = x.sink(), dw = weights.sink(), db = biases.sink(), x = x.value(),
                         w = weights.value()](const Tensor& dlogits) {
    if (depth == 0) return;
    Tensor dz = dlogits;
    if (!sign.empty()) {
      dz = Tensor(dlogits.shape());
      float* out = dz.mutable_data();
      for (std::int64_t i = 0; i < dz.size(); ++i) out[i] = sign.data()[i] * dlogits.data()[i];
    }
    std::vector<std::int32_t> last(static_cast<std::size_t>(batch));  // the node above the leaf
    for (std::int64_t b = 0; b < batch; ++b) last[static_cast<std::size_t>(b)] = leaf.data()[b] >> 1;
    const kernels::SortedPaths paths(depth - 1, last.data(), batch);
    const Indices passed({static_cast<std::int64_t>(paths.nodes().size())}, paths.nodes());
    const auto gradient = [&](const float* rows, std::int64_t width) {
      RowGradient grad{passed, Tensor({passed.size(), width})};
      kernels::path_gradients(paths.order(), dz.data(), rows, width, passed.data(), passed.size(),
                              grad.values.mutable_data());
      return grad;
    };
    if (dw.needed()) dw.accumulate(gradient(x.data(), inputs));
    if (db.needed()) {  // the weights of an input that is always 1
      const std::vector<float> ones(static_cast<std::size_t>(batch), 1.f);
      db.accumulate(gradient(ones.data(), 1));
    }
    if (dx.needed()) {
      Tensor grad({batch, inputs});
      kernels::path_sums(paths.order(), dz.data(), w.data(), inputs, false, grad.mutable_data());
      dx.accumulate(std::move(grad));
    }
  };
  path.logits = record("decision_path", {x, weights, biases}, std::move(logits),
                       keep(x.value(), weights.value(), path.leaf), backward);
  return path;
}

DecisionPath decision_path(const Variable& logits, int depth) {
  const std::int64_t nodes = nodes_of(depth);
  if (logits.shape().rank() != 2 || logits.extent(1) != nodes) {
    throw ShapeError(fmt::format("decision_path: a tree of depth {} needs logits [batch, {}], not {}", depth, nodes,
                                 logits.shape().to_string()));
  }
  const std::int64_t batch = logits.extent(0);
  DecisionPath path{{}, Indices({batch})};
  Tensor on_path({batch, depth});
  kernels::route_by_logits(logits.value().data(), batch, depth, path.leaf.mutable_data(), on_path.mutable_data());
  path.logits = record("decision_path", {logits}, std::move(on_path), keep(path.leaf),
                       [=, leaf = path.leaf, dall = logits.sink()](const Tensor& dlogits) {
                         Tensor grad = Tensor::zeros({batch, nodes});
                         float* out = grad.mutable_data();
                         for (std::int64_t b = 0; b < batch; ++b) {
                           for (int level = 0; level < depth; ++level) {
                             const std::int64_t node = nodes_of(level) + (leaf.data()[b] >> (depth - level));
                             out[b * nodes + node] = dlogits.data()[b * depth + level];
                           }
                         }
                         dall.accumulate(std::move(grad));
                       });
  return path;
}

// S = product of q_l with q = sigmoid(|z|);  dS/dz_l = S (1 - q_l) sign(z_l)
Variable path_probability(const Variable& logits) {
  if (logits.shape().rank() != 2) {
    throw ShapeError(fmt::format("path_probability: logits [batch, depth] needed, not {}", logits.shape().to_string()));
  }
  const std::int64_t batch = logits.extent(0), depth = logits.extent(1);
  const Tensor& z = logits.value();
  Tensor probability({batch});
  float* s = probability.mutable_data();
  for (std::int64_t b = 0; b < batch; ++b) {
    s[b] = 1.f;
    for (std::int64_t l = 0; l < depth; ++l) s[b] *= sigmoid(std::abs(z.data()[b * depth + l]));
  }
  return record("path_probability", {logits}, probability, keep(z, probability),
                [=, dlogits = logits.sink()](const Tensor& dy) {
                  Tensor grad(z.shape());
                  float* dz = grad.mutable_data();
                  for (std::int64_t i = 0; i < z.size(); ++i) {
                    const float logit = z.data()[i], other_side = sigmoid(-std::abs(logit));
                    const float slope = dy.data()[i / depth] * probability.data()[i / depth] * other_side;
                    dz[i] = logit >= 0.f ? slope : -slope;
                  }
                  dlogits.accumulate(std::move(grad));
                });
}

Variable straight_through(const Variable& y, const Variable& logits, const Tensor& others, const Groups& groups) {
  const auto fits = [&] {
    if (y.shape().rank() != 2 || logits.shape().rank() != 2) return false;
    return logits.shape() == Shape{y.extent(0), groups.choices()} && groups.rows() == y.extent(0) &&
           others.shape() == Shape{groups.items(), y.extent(1)};
  };
  if (!fits()) {
    throw ShapeError(fmt::format("straight_through: y {}, logits {} and others {} do not fit {} rows of {} choices",
                                 y.shape().to_string(), logits.shape().to_string(), others.shape().to_string(),
                                 groups.rows(), groups.choices()));
  }
  const std::int64_t depth = groups.choices();
  return record(
      "straight_through", {y, logits}, y.value(), keep(y.value(), logits.value(), others),
      [=, z = logits.value(), reached = y.value(), dy_sink = y.sink(), dlogits = logits.sink()](const Tensor& dy) {
        if (dy_sink.needed()) dy_sink.accumulate(dy);
        if (!dlogits.needed()) return;
        const std::int64_t batch = dy.extent(0), outputs = dy.extent(1);
        Tensor d_reached({batch}), d_other(z.shape());
        std::vector<std::int32_t> own(static_cast<std::size_t>(batch));
        for (std::int64_t b = 0; b < batch; ++b) own[static_cast<std::size_t>(b)] = static_cast<std::int32_t>(b);
        kernels::combine_backward(reached.data(), own.data(), nullptr, dy.data(), batch, 1, outputs, nullptr,
                                  d_reached.mutable_data());
        kernels::combine_backward(others.data(), groups.sorted().position.data(), nullptr, dy.data(), batch, depth,
                                  outputs, nullptr, d_other.mutable_data());
        Tensor grad(z.shape());
        float* dz = grad.mutable_data();
        for (std::int64_t i = 0; i < z.size(); ++i) {
          const float logit = z.data()[i], p = sigmoid(logit);
          const float rise = d_reached.data()[i / depth] - d_other.data()[i];
          dz[i] = (logit >= 0.f ? rise : -rise) * p * (1.f - p);
        }
        dlogits.accumulate(std::move(grad));
      });
}

}  // namespace canopy
