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

void check_forest(const char* operation, const Variable& x, const Variable& w_in, const Variable& bias,
                  const ForestShape& shape) {
  const std::int64_t nodes = shape.trees * shape.nodes();
  if (x.shape().rank() == 2 && w_in.shape() == Shape{nodes, x.extent(1)} &&
      (!bias.is_defined() || bias.shape() == Shape{nodes})) {
    return;
  }
  throw ShapeError(fmt::format("{}: x {}, w_in {} and bias {} do not fit {} trees of depth {}, {} nodes together",
                               operation, x.shape().to_string(), w_in.shape().to_string(), bias.shape().to_string(),
                               shape.trees, shape.depth, nodes));
}

// The paths of a batch through every tree, in the order in which gradients are summed.
class ForestPaths {
 public:
  // bottom [trees, batch]
  ForestPaths(const ForestShape& shape, const Indices& bottom) : shape_(shape), batch_(bottom.extent(1)) {
    std::vector<std::int32_t> passed;  // nodes of all trees, ascending
    for (int t = 0; t < shape.trees; ++t) {
      const kernels::SortedPaths& tree = trees_.emplace_back(shape.depth, bottom.data() + t * batch_, batch_);
      for (const std::int32_t node : tree.nodes()) {
        passed.push_back(static_cast<std::int32_t>(t * shape.nodes() + node));
      }
    }
    rows_ = Indices({static_cast<std::int64_t>(passed.size())}, passed);
  }

  // The gradient of weights [trees * nodes, width]: sums of coefficient * x over the rows that pass each node.
  RowGradient weight_gradient(const float* coefficient, const float* x, std::int64_t width) const {
    RowGradient grad{rows_, Tensor({rows_.size(), width})};
    float* values = grad.values.mutable_data();
    for (const kernels::SortedPaths& tree : trees_) {
      const auto passed = static_cast<std::int64_t>(tree.nodes().size());
      kernels::path_gradients(tree.order(), coefficient, x, width, tree.nodes().data(), passed, values);
      values += passed * width;
      coefficient += batch_ * shape_.levels();
    }
    return grad;
  }

  // dot[t, row, level] = x[row] . w[node of the row at that level of tree t]
  void dots(const float* x, const float* w, std::int64_t width, float* dot) const {
    for (int t = 0; t < shape_.trees; ++t) {
      kernels::path_dots(order(t), x, w + t * shape_.nodes() * width, width, dot + t * batch_ * shape_.levels());
    }
  }

  // y[row] = sum over trees and levels of coefficient[t, row, level] w[node]
  void sums(const float* coefficient, const float* w, std::int64_t width, float* y) const {
    for (int t = 0; t < shape_.trees; ++t) {
      kernels::path_sums(order(t), coefficient + t * batch_ * shape_.levels(), w + t * shape_.nodes() * width, width,
                         t > 0, y);
    }
  }

 private:
  kernels::PathOrder order(int tree) const { return trees_[static_cast<std::size_t>(tree)].order(); }

  ForestShape shape_;
  std::int64_t batch_;
  std::vector<kernels::SortedPaths> trees_;
  Indices rows_;
};

// From the gradient dz of the logits z_k = x . w_in[k] + bias[k] on the paths to those of x, w_in and bias:
// dw_in[k] = sum of dz x, dbias[k] = sum of dz over the rows that pass k, dx = sum of dz w_in
struct LogitSinks {
  GradientSink dx, dw_in, dbias;
  Tensor x, w_in;

  bool needed() const { return dx.needed() || dw_in.needed() || dbias.needed(); }
  void accumulate(const ForestPaths& paths, const float* dz) const {
    const std::int64_t batch = x.extent(0), inputs = x.extent(1);
    if (dw_in.needed()) dw_in.accumulate(paths.weight_gradient(dz, x.data(), inputs));
    if (dbias.needed()) {  // weights of an input that is always 1
      const std::vector<float> ones(static_cast<std::size_t>(batch), 1.f);
      RowGradient grad = paths.weight_gradient(dz, ones.data(), 1);
      grad.values = grad.values.reshape({grad.rows.size()});
      dbias.accumulate(std::move(grad));
    }
    if (dx.needed()) {
      Tensor grad({batch, inputs});
      paths.sums(dz, w_in.data(), inputs, grad.mutable_data());
      dx.accumulate(std::move(grad));
    }
  }
};

}  // namespace

// With a = f(z) at the nodes passed:  da = dy . w_out,  dz = f'(z) da,  dw_out[k] = sum of a dy over the rows that pass
// k
NeuronPaths neuron_forest(const Variable& x, const Variable& w_in, const Variable& bias, const Variable& w_out,
                          const ForestShape& shape) {
  check_forest("neuron_forest", x, w_in, bias, shape);
  if (w_out.shape().rank() != 2 || w_out.extent(0) != w_in.extent(0)) {
    throw ShapeError(fmt::format("neuron_forest: w_out [{}, outputs] is needed beside w_in {}, not {}", w_in.extent(0),
                                 w_in.shape().to_string(), w_out.shape().to_string()));
  }
  const std::int64_t batch = x.extent(0), outputs = w_out.extent(1);
  const kernels::NeuronForest forest{x.extent(1),
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

  const auto backward =
      [=, dw_out = w_out.sink(), w_out = w_out.value(),
       logits = LogitSinks{x.sink(), w_in.sink(), bias.sink(), x.value(), w_in.value()}](const Tensor& dy) {
        const ForestPaths paths(shape, bottom);
        if (dw_out.needed()) dw_out.accumulate(paths.weight_gradient(a.data(), dy.data(), outputs));
        if (!logits.needed()) return;
        Tensor dz(z.shape());
        float* slope = dz.mutable_data();
        paths.dots(dy.data(), w_out.data(), outputs, slope);
        kernels::activate_backward(shape.activation, z.data(), a.data(), dz.data(), slope, dz.size());
        logits.accumulate(paths, dz.data());
      };
  const Variable inputs_of_record[] = {x, w_in, w_out, bias};
  Variable answer = record("neuron_forest", std::span(inputs_of_record, bias.is_defined() ? 4 : 3), std::move(y),
                           keep(x.value(), w_in.value(), w_out.value(), bottom, z, a), backward);
  return {std::move(answer), bottom};
}

Variable path_logits(const Variable& x, const Variable& w_in, const Variable& bias, const Indices& bottom,
                     const ForestShape& shape) {
  check_forest("path_logits", x, w_in, bias, shape);
  const std::int64_t batch = x.extent(0), levels = shape.levels();
  if (bottom.shape() != Shape{shape.trees, batch}) {
    throw ShapeError(fmt::format("path_logits: paths {} are needed, not {}", Shape{shape.trees, batch}.to_string(),
                                 bottom.shape().to_string()));
  }
  Tensor z({shape.trees * batch, levels});
  float* logit = z.mutable_data();
  ForestPaths(shape, bottom).dots(x.value().data(), w_in.value().data(), x.extent(1), logit);
  if (bias.is_defined()) {
    for (std::int64_t i = 0; i < z.size(); ++i) {
      const std::int64_t row = i / levels, level = i % levels;
      const std::int64_t node = (std::int64_t{1} << level) - 1 + (bottom.data()[row] >> (shape.depth - level));
      logit[i] += bias.value().data()[row / batch * shape.nodes() + node];
    }
  }
  const auto backward = [=, logits = LogitSinks{x.sink(), w_in.sink(), bias.sink(), x.value(), w_in.value()}](
                            const Tensor& dz) { logits.accumulate(ForestPaths(shape, bottom), dz.data()); };
  const Variable inputs_of_record[] = {x, w_in, bias};
  return record("path_logits", std::span(inputs_of_record, bias.is_defined() ? 3 : 2), std::move(z),
                keep(x.value(), w_in.value(), bottom), backward);
}

PathActivations path_activations(const Variable& logits, const ForestShape& shape) {
  const std::int64_t width = shape.trees * shape.nodes();
  if (logits.shape().rank() != 2 || logits.extent(1) != width) {
    throw ShapeError(fmt::format("path_activations: logits [batch, {}] are needed for {} trees of depth {}, not {}",
                                 width, shape.trees, shape.depth, logits.shape().to_string()));
  }
  const std::int64_t batch = logits.extent(0), passed = shape.trees * shape.levels();
  const Tensor& z = logits.value();
  Indices path({batch, passed}), bottom({shape.trees, batch});  // a path as columns, and its end
  Tensor z_path({batch, passed});
  std::int32_t* column = path.mutable_data();
  std::int32_t* end_of_path = bottom.mutable_data();
  float* z_of_column = z_path.mutable_data();
  constexpr std::int64_t grain = 64;
  parallel_for(batch, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * passed, b = begin; b < end; ++b) {
      for (int t = 0; t < shape.trees; ++t) {
        std::int64_t node = 0, next = 0;
        for (int level = 0; level <= shape.depth; ++level, ++i) {
          node = next;
          column[i] = static_cast<std::int32_t>(t * shape.nodes() + node);
          z_of_column[i] = z.data()[b * width + column[i]];
          next = 2 * node + 1 + (z_of_column[i] > 0.f ? 1 : 0);
        }
        end_of_path[t * batch + b] = static_cast<std::int32_t>(node - shape.nodes() / 2);
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
  Variable values =
      record("path_activations", {logits}, spread(a_path), keep(path, z_path, a_path),
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
  return {std::move(values), std::move(bottom)};
}

}  // namespace canopy
