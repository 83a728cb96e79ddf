#include <canopy/autograd/tree.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/gemm.hpp>
#include <canopy/core/kernels/reductions.hpp>
#include <canopy/core/kernels/tree.hpp>

#include <fmt/format.h>

namespace canopy {

using kernels::transposed;
using kernels::Update;

TreePaths tree_paths(const Variable& logits, int depth, Routing routing) {
  const std::int64_t leaves = std::int64_t{1} << depth;
  const std::int64_t nodes = leaves - 1;
  if (logits.shape().rank() != 2 || logits.extent(1) != nodes) {
    throw ShapeError(fmt::format("tree_paths: a tree of depth {} needs logits [batch, {}], not {}", depth, nodes,
                                 logits.shape().to_string()));
  }
  const std::int64_t batch = logits.extent(0);
  const Tensor& z = logits.value();
  const bool soft = routing == Routing::soft;
  Tensor choice(z.shape());
  if (soft) {
    kernels::sigmoid(z.data(), choice.mutable_data(), z.size());
  } else {
    kernels::hard_decisions(z.data(), z.size(), choice.mutable_data());
  }
  Tensor reach(z.shape());
  Tensor path({batch, leaves});
  kernels::tree_paths(choice.data(), batch, depth, reach.mutable_data(), path.mutable_data());
  if (routing == Routing::hard) return {Variable(std::move(path)), std::move(reach)};
  // A soft tree's choices are its sigmoids; a straight-through tree needs them for the slope only, so not before
  // backward.
  Variable result = record("tree_paths", {logits}, std::move(path), keep(z),
                           [dlogits = logits.sink(), z, choice, reach, soft, batch, depth](const Tensor& dpath) {
                             Tensor p = choice;
                             if (!soft) {
                               p = Tensor(z.shape());
                               kernels::sigmoid(z.data(), p.mutable_data(), z.size());
                             }
                             Tensor dz(z.shape());
                             kernels::tree_paths_backward(choice.data(), reach.data(), p.data(), dpath.data(), batch,
                                                          depth, dz.mutable_data());
                             dlogits.accumulate(std::move(dz));
                           });
  return {std::move(result), std::move(reach)};
}

Variable leaf_mixture(const Variable& path, const Variable& hidden, const Variable& w2, const Variable& b2) {
  const auto fits = [&] {
    if (path.shape().rank() != 2 || w2.shape().rank() != 3) return false;
    const std::int64_t leaves = path.extent(1);
    return w2.extent(0) == leaves && hidden.shape() == Shape{path.extent(0), leaves * w2.extent(1)} &&
           b2.shape() == Shape{leaves, w2.extent(2)};
  };
  if (!fits()) {
    throw ShapeError(fmt::format("leaf_mixture: path {}, hidden {}, w2 {} and b2 {} do not fit",
                                 path.shape().to_string(), hidden.shape().to_string(), w2.shape().to_string(),
                                 b2.shape().to_string()));
  }
  const std::int64_t batch = path.extent(0);
  const std::int64_t leaves = path.extent(1);
  const std::int64_t leaf_width = w2.extent(1);
  const std::int64_t outputs = w2.extent(2);
  const std::int64_t width = leaves * leaf_width;

  Tensor weighted({batch, width});
  kernels::weigh_leaves(path.value().data(), hidden.value().data(), batch * leaves, leaf_width,
                        weighted.mutable_data());
  Tensor y({batch, outputs});
  kernels::gemm({weighted.data(), batch, width}, {w2.value().data(), width, outputs},
                {y.mutable_data(), batch, outputs});
  kernels::gemm({path.value().data(), batch, leaves}, {b2.value().data(), leaves, outputs},
                {y.mutable_data(), batch, outputs}, Update::add);

  return record("leaf_mixture", {path, hidden, w2, b2}, std::move(y),
                keep(path.value(), hidden.value(), w2.value(), b2.value()),
                [=, s = path.value(), h = hidden.value(), w = w2.value(), b = b2.value(), dpath = path.sink(),
                 dhidden = hidden.sink(), dw2 = w2.sink(), db2 = b2.sink()](const Tensor& dy) {
                  if (dw2.needed()) {  // [leaves * leaf_width, outputs] = weighted^T dy
                    Tensor grad({leaves, leaf_width, outputs});
                    kernels::gemm(transposed({weighted.data(), batch, width}), {dy.data(), batch, outputs},
                                  {grad.mutable_data(), width, outputs});
                    dw2.accumulate(std::move(grad));
                  }
                  if (db2.needed()) {
                    Tensor grad({leaves, outputs});
                    kernels::gemm(transposed({s.data(), batch, leaves}), {dy.data(), batch, outputs},
                                  {grad.mutable_data(), leaves, outputs});
                    db2.accumulate(std::move(grad));
                  }
                  if (!dpath.needed() && !dhidden.needed()) return;
                  Tensor dweighted({batch, width});  // dy W2^T
                  kernels::gemm({dy.data(), batch, outputs}, transposed({w.data(), width, outputs}),
                                {dweighted.mutable_data(), batch, width});
                  Tensor grad_path({batch, leaves});  // dy b2^T + sum over the leaf of hidden * dweighted
                  kernels::gemm({dy.data(), batch, outputs}, transposed({b.data(), leaves, outputs}),
                                {grad_path.mutable_data(), batch, leaves});
                  Tensor grad_hidden = dhidden.needed() ? Tensor({batch, width}) : Tensor();
                  kernels::weigh_leaves_backward(s.data(), h.data(), dweighted.data(), batch * leaves, leaf_width,
                                                 grad_path.mutable_data(), grad_hidden.mutable_data());
                  dpath.accumulate(std::move(grad_path));
                  if (dhidden.needed()) dhidden.accumulate(std::move(grad_hidden));
                });
}

Variable node_entropy(const Variable& logits, const Tensor& weight, float scale) {
  if (!weight.empty() && weight.shape() != logits.shape()) {
    throw ShapeError(
        fmt::format("node_entropy: weights {} for logits {}", weight.shape().to_string(), logits.shape().to_string()));
  }
  const Tensor& z = logits.value();
  const bool weighted = !weight.empty();
  const double sum = kernels::node_entropy(z.data(), weighted ? weight.data() : nullptr, z.size());
  return record("node_entropy", {logits}, Tensor::scalar(static_cast<float>(scale * sum)), keep(z, weight),
                [dlogits = logits.sink(), z, weight, weighted, scale](const Tensor& dy) {
                  Tensor dz(z.shape());
                  kernels::node_entropy_backward(z.data(), weighted ? weight.data() : nullptr, scale * dy.item(),
                                                 z.size(), dz.mutable_data());
                  dlogits.accumulate(std::move(dz));
                });
}

Variable negative_load_entropy(const Variable& path) {
  if (path.shape().rank() != 2) {
    throw ShapeError(
        fmt::format("negative_load_entropy: paths [batch, leaves] needed, not {}", path.shape().to_string()));
  }
  const std::int64_t batch = path.extent(0);
  const std::int64_t leaves = path.extent(1);
  Tensor slope({leaves});  // (1 + ln max(m, 1e-12)) / batch
  kernels::sum_axis(path.value().data(), slope.mutable_data(), 1, batch, leaves);
  double value = 0;
  for (float& m : slope.mutable_elements()) {
    const double mean = static_cast<double>(m) / static_cast<double>(std::max<std::int64_t>(batch, 1));
    const double logarithm = std::log(std::max(mean, 1e-12));
    value += mean * logarithm;
    m = static_cast<float>((1.0 + logarithm) / static_cast<double>(batch));
  }
  return record("negative_load_entropy", {path}, Tensor::scalar(static_cast<float>(value)), keep(),
                [dpath = path.sink(), slope, batch, leaves](const Tensor& dy) {
                  Tensor grad({batch, leaves});
                  float* out = grad.mutable_data();
                  for (std::int64_t b = 0; b < batch; ++b) {
                    for (std::int64_t i = 0; i < leaves; ++i) out[b * leaves + i] = dy.item() * slope.data()[i];
                  }
                  dpath.accumulate(std::move(grad));
                });
}

}  // namespace canopy
