#include <canopy/autograd/neuron_forest.hpp>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/neuron_forest.hpp>
#include <canopy/core/kernels/neuron_tree.hpp>
#include <canopy/core/threads.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

void check_forest(const Variable& x, const Variable& w_in, const Variable& bias, const Variable& w_out,
                  const ForestShape& shape) {
  const std::int64_t nodes = shape.trees * shape.nodes();
  const auto fits = [&] {
    return x.shape().rank() == 2 && w_in.shape() == Shape{nodes, x.extent(1)} && w_out.shape().rank() == 2 &&
           w_out.extent(0) == nodes && (!bias.is_defined() || bias.shape() == Shape{nodes});
  };
  if (fits()) return;
  throw ShapeError(fmt::format(
      "neuron_forest: x {}, w_in {}, bias {} and w_out {} do not fit {} trees of depth {}, {} nodes together",
      x.shape().to_string(), w_in.shape().to_string(), bias.shape().to_string(), w_out.shape().to_string(), shape.trees,
      shape.depth, nodes));
}

// The gradient of weights [trees * nodes, width]: sums of coefficient * x over the rows that pass each node.
RowGradient weight_gradient(const std::vector<kernels::SortedPaths>& trees, const ForestShape& shape,
                            const Indices& rows, const float* coefficient, const float* x, std::int64_t batch,
                            std::int64_t width) {
  RowGradient grad{rows, Tensor({rows.size(), width})};
  float* values = grad.values.mutable_data();
  for (const kernels::SortedPaths& tree : trees) {
    const auto passed = static_cast<std::int64_t>(tree.nodes().size());
    kernels::path_gradients(tree.order(), coefficient, x, width, tree.nodes().data(), passed, values);
    values += passed * width;
    coefficient += batch * shape.levels();
  }
  return grad;
}

}  // namespace

// With a = f(z) at the nodes passed:  da = dy . w_out,  dz = f'(z) da,
// dw_out[k] = sum of a dy,  dw_in[k] = sum of dz x,  dbias[k] = sum of dz over the rows that pass k,  dx = sum of dz
// w_in
Variable neuron_forest(const Variable& x, const Variable& w_in, const Variable& bias, const Variable& w_out,
                       const ForestShape& shape) {
  check_forest(x, w_in, bias, w_out, shape);
  const std::int64_t batch = x.extent(0), inputs = x.extent(1), outputs = w_out.extent(1);
  const kernels::NeuronForest forest{inputs,
                                     outputs,
                                     shape.trees,
                                     shape.depth,
                                     shape.activation,
                                     w_in.value().data(),
                                     bias.is_defined() ? bias.value().data() : nullptr,
                                     w_out.value().data()};
  Indices bottom({shape.trees, batch});
  Tensor z({shape.trees, batch, shape.levels()}), a(z.shape()), y({batch, outputs});
  kernels::forest_forward(forest, x.value().data(), batch, bottom.mutable_data(), z.mutable_data(), a.mutable_data(),
                          y.mutable_data());

  const auto backward = [=, dx = x.sink(), dw_in = w_in.sink(), dbias = bias.sink(), dw_out = w_out.sink(),
                         x = x.value(), w_in = w_in.value(), w_out = w_out.value()](const Tensor& dy) {
    std::vector<kernels::SortedPaths> trees;
    std::vector<std::int32_t> passed;  // nodes of all trees, ascending
    for (int t = 0; t < shape.trees; ++t) {
      const kernels::SortedPaths& tree = trees.emplace_back(shape.depth, bottom.data() + t * batch, batch);
      for (const std::int32_t node : tree.nodes()) {
        passed.push_back(static_cast<std::int32_t>(t * shape.nodes() + node));
      }
    }
    const Indices rows({static_cast<std::int64_t>(passed.size())}, passed);
    if (dw_out.needed()) {
      dw_out.accumulate(weight_gradient(trees, shape, rows, a.data(), dy.data(), batch, outputs));
    }
    if (!dx.needed() && !dw_in.needed() && !dbias.needed()) return;
    Tensor dz(z.shape());
    const std::int64_t logits_of_tree = batch * shape.levels();
    float* slope = dz.mutable_data();
    for (int t = 0; t < shape.trees; ++t) {
      kernels::path_dots(trees[static_cast<std::size_t>(t)].order(), dy.data(),
                         w_out.data() + t * shape.nodes() * outputs, outputs, slope + t * logits_of_tree);
    }
    kernels::activate_backward(shape.activation, z.data(), a.data(), dz.data(), slope, dz.size());
    if (dw_in.needed()) {
      dw_in.accumulate(weight_gradient(trees, shape, rows, dz.data(), x.data(), batch, inputs));
    }
    if (dbias.needed()) {  // weights of an input that is always 1
      const std::vector<float> ones(static_cast<std::size_t>(batch), 1.f);
      RowGradient grad = weight_gradient(trees, shape, rows, dz.data(), ones.data(), batch, 1);
      grad.values = grad.values.reshape({rows.size()});
      dbias.accumulate(std::move(grad));
    }
    if (dx.needed()) {
      Tensor grad({batch, inputs});
      for (int t = 0; t < shape.trees; ++t) {
        kernels::path_sums(trees[static_cast<std::size_t>(t)].order(), dz.data() + t * logits_of_tree,
                           w_in.data() + t * shape.nodes() * inputs, inputs, t > 0, grad.mutable_data());
      }
      dx.accumulate(std::move(grad));
    }
  };
  const Variable inputs_of_record[] = {x, w_in, w_out, bias};
  return record("neuron_forest", std::span(inputs_of_record, bias.is_defined() ? 4 : 3), std::move(y),
                keep(x.value(), w_in.value(), w_out.value(), bottom, z, a), backward);
}

Variable path_activations(const Variable& logits, const ForestShape& shape) {
  const std::int64_t width = shape.trees * shape.nodes();
  if (logits.shape().rank() != 2 || logits.extent(1) != width) {
    throw ShapeError(fmt::format("path_activations: logits [batch, {}] are needed for {} trees of depth {}, not {}",
                                 width, shape.trees, shape.depth, logits.shape().to_string()));
  }
  const std::int64_t batch = logits.extent(0), passed = shape.trees * shape.levels();
  const Tensor& z = logits.value();
  Indices path({batch, passed});  // columns
  Tensor z_path({batch, passed});
  std::int32_t* column = path.mutable_data();
  float* z_of_column = z_path.mutable_data();
  constexpr std::int64_t grain = 64;
  parallel_for(batch, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * passed, b = begin; b < end; ++b) {
      for (int t = 0; t < shape.trees; ++t) {
        std::int64_t node = 0;
        for (int level = 0; level <= shape.depth; ++level, ++i) {
          column[i] = static_cast<std::int32_t>(t * shape.nodes() + node);
          z_of_column[i] = z.data()[b * width + column[i]];
          node = 2 * node + 1 + (z_of_column[i] > 0.f ? 1 : 0);
        }
      }
    }
  });
  const auto spread = [path, batch, passed, width](const Tensor& values) {
    Tensor out({batch, width});
    float* to = out.mutable_data();
    parallel_for(batch, grain, [&](std::int64_t begin, std::int64_t end) {
      std::fill(to + begin * width, to + end * width, 0.f);
      for (std::int64_t b = begin; b < end; ++b) {
        for (std::int64_t i = b * passed; i < (b + 1) * passed; ++i) to[b * width + path.data()[i]] = values.data()[i];
      }
    });
    return out;
  };
  Tensor a_path(z_path.shape());
  kernels::activate(shape.activation, z_path.data(), a_path.mutable_data(), a_path.size());
  return record("path_activations", {logits}, spread(a_path), keep(path, z_path, a_path),
                [=, dlogits = logits.sink(), activation = shape.activation](const Tensor& dy) {
                  Tensor slope(z_path.shape());
                  float* d = slope.mutable_data();
                  for (std::int64_t b = 0; b < batch; ++b) {
                    for (std::int64_t i = b * passed; i < (b + 1) * passed; ++i) {
                      d[i] = dy.data()[b * width + path.data()[i]];
                    }
                  }
                  kernels::activate_backward(activation, z_path.data(), a_path.data(), slope.data(), d, slope.size());
                  dlogits.accumulate(spread(slope));
                });
}

}  // namespace canopy
