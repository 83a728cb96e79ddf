#include <canopy/autograd/grouped.hpp>

#include <limits>
#include <span>
#include <utility>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/combine.hpp>
#include <canopy/core/kernels/elementwise.hpp>
#include <canopy/core/kernels/grouped_gemm.hpp>
#include <canopy/core/kernels/rows.hpp>

#include <fmt/format.h>

namespace canopy {

Groups::Groups(const Indices& chosen, std::int64_t groups) : count_(groups) {
  if (chosen.rank() < 1 || chosen.rank() > 2 || chosen.size() > std::numeric_limits<std::int32_t>::max()) {
    throw ShapeError(
        fmt::format("Groups: [rows] or [rows, k] numbers of groups are needed, not {}", chosen.shape().to_string()));
  }
  rows_ = chosen.extent(0);
  choices_ = chosen.rank() == 2 ? chosen.extent(1) : 1;
  kernels::check_indices(chosen.data(), items(), groups, "Groups");
  sorted_ = kernels::group_items(chosen.data(), items(), groups);
  row_ = sorted_.order;
  if (choices_ > 1) {
    row_ = Indices({items()});
    std::int32_t* row = row_.mutable_data();
    for (std::int64_t p = 0; p < items(); ++p) {
      row[p] = static_cast<std::int32_t>(sorted_.order.data()[p] / choices_);
    }
  }
}

namespace {

using kernels::Op;

struct Sizes {
  std::int64_t inputs, outputs;
};

Sizes check(const Variable& x, const Groups& groups, const Variable& weight, const Variable& bias,
            const GroupedLinearOptions& options) {
  const bool by_outputs = options.weights == GroupedWeights::outputs_by_inputs;
  if (weight.shape().rank() != 3 || weight.extent(0) != groups.count()) {
    throw ShapeError(fmt::format("grouped_linear: a weight of three axes is needed, the first for {} groups, not {}",
                                 groups.count(), weight.shape().to_string()));
  }
  const Sizes sizes{weight.extent(by_outputs ? 2 : 1), weight.extent(by_outputs ? 1 : 2)};
  const std::int64_t rows = options.input == RowOrder::given ? groups.rows() : groups.items();
  if (x.shape() != Shape{rows, sizes.inputs}) {
    throw ShapeError(fmt::format("grouped_linear: the weight {} and the groups need the input {}, not {}",
                                 weight.shape().to_string(), Shape{rows, sizes.inputs}.to_string(),
                                 x.shape().to_string()));
  }
  if (bias.is_defined() && bias.shape() != Shape{groups.count(), sizes.outputs}) {
    throw ShapeError(fmt::format("grouped_linear: the bias has the shape {} where the weight {} needs {}",
                                 bias.shape().to_string(), weight.shape().to_string(),
                                 Shape{groups.count(), sizes.outputs}.to_string()));
  }
  if (options.output == RowOrder::given && groups.choices() != 1) {
    throw ConfigError(
        fmt::format("grouped_linear: rows with {} choices each have no output in the given order: combine "
                    "the grouped one",
                    groups.choices()));
  }
  return sizes;
}

// The rows of an array at each position.
template <class T>
kernels::Rows<T> rows_at(T* data, std::int64_t width, const Groups& groups, RowOrder order) {
  return {data, width, order == RowOrder::given ? groups.row().data() : nullptr};
}

// The gradient of a parameter [groups, ...] from that of the groups in use.
void accumulate_used(const GradientSink& sink, const Groups& groups, Tensor values) {
  if (values.extent(0) == groups.count()) {
    sink.accumulate(std::move(values));
  } else {
    sink.accumulate(RowGradient{groups.sorted().used, std::move(values)});
  }
}

// Each row's sum over its k positions.
Tensor sum_of_choices(const Tensor& grouped, const Groups& groups) {
  Tensor sum({groups.rows(), grouped.extent(1)});
  kernels::combine(grouped.data(), groups.sorted().position.data(), nullptr, groups.rows(), groups.choices(),
                   grouped.extent(1), sum.mutable_data());
  return sum;
}

}  // namespace

// z = x W_g^T + b_g, y = f(z);  dz = f'(z) dy,  dW_g = dz^T x and db_g = column sums of dz over the rows of g,
// dx = dz W_g, summed over the groups of a row
Variable grouped_linear(const Variable& x, const Groups& groups, const Variable& weight, const Variable& bias,
                        const GroupedLinearOptions& options) {
  const auto [inputs, outputs] = check(x, groups, weight, bias, options);
  const bool by_outputs = options.weights == GroupedWeights::outputs_by_inputs;
  const Activation activation = options.activation;
  const Shape shape{options.output == RowOrder::given ? groups.rows() : groups.items(), outputs};

  const bool recorded = is_recording() && (x.requires_grad() || weight.requires_grad() || bias.requires_grad());
  Tensor y(shape);
  Tensor z;  // kept only for the activations whose derivative needs it
  if (recorded && kernels::backward_reads_input(activation)) z = Tensor(shape);
  const auto y_rows = rows_at(y.mutable_data(), outputs, groups, options.output);
  const auto z_rows = z.empty() ? y_rows : rows_at(z.mutable_data(), outputs, groups, options.output);
  kernels::RowsFinish finish;
  if (bias.is_defined() || activation != Activation::identity) {
    const float* biases = bias.is_defined() ? bias.value().data() : nullptr;
    finish = [=, outputs = outputs](std::int64_t group, std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        if (biases) kernels::add_to(z_rows[p], biases + group * outputs, outputs);
        if (activation != Activation::identity) kernels::activate(activation, z_rows[p], y_rows[p], outputs);
      }
    };
  }
  kernels::grouped_gemm(groups.sorted(), by_outputs ? Op::transpose : Op::none, outputs, inputs,
                        rows_at(x.value().data(), inputs, groups, options.input), weight.value().data(), z_rows,
                        finish);
  if (!is_recording()) return y;

  // What backward reads: x for dW, W for dx, and y or z for the activation.
  const Tensor kept_x = weight.requires_grad() ? x.value() : Tensor();
  const Tensor kept_weight = x.requires_grad() ? weight.value() : Tensor();
  const bool reads_output = activation != Activation::identity && !kernels::backward_reads_input(activation);
  const Tensor kept_y = reads_output ? y : Tensor();
  const auto backward = [=, inputs = inputs, outputs = outputs, dx = x.sink(), dw = weight.sink(), db = bias.sink(),
                         w_shape = weight.shape()](const Tensor& dy) {
    const kernels::Grouping& sorted = groups.sorted();
    Tensor dz = dy;
    if (activation != Activation::identity) {
      dz = Tensor(shape);
      kernels::activate_backward(activation, z.data(), kept_y.data(), dy.data(), dz.mutable_data(), dz.size());
    }
    const auto dz_rows = rows_at(dz.data(), outputs, groups, options.output);
    if (dw.needed() || db.needed()) {
      const std::int64_t used = sorted.used.size();
      Tensor weights(dw.needed() ? w_shape.with(0, used) : Shape{used, 0, outputs});
      Tensor biases({used, outputs});
      const auto x_rows = rows_at(kept_x.data(), inputs, groups, options.input);
      if (!dw.needed()) {
        kernels::grouped_gemm_gradient(sorted, 0, outputs, {dz.data(), 0}, dz_rows, nullptr, biases.mutable_data());
      } else if (by_outputs) {
        kernels::grouped_gemm_gradient(sorted, outputs, inputs, dz_rows, x_rows, weights.mutable_data(), nullptr);
        if (db.needed()) {
          kernels::grouped_gemm_gradient(sorted, 0, outputs, {dz.data(), 0}, dz_rows, nullptr, biases.mutable_data());
        }
      } else {
        kernels::grouped_gemm_gradient(sorted, inputs, outputs, x_rows, dz_rows, weights.mutable_data(),
                                       biases.mutable_data());
      }
      if (dw.needed()) accumulate_used(dw, groups, std::move(weights));
      if (db.needed()) accumulate_used(db, groups, std::move(biases));
    }
    if (dx.needed()) {
      // A row with one choice is written where it belongs, several choices are summed.
      const bool direct = options.input == RowOrder::grouped || groups.choices() == 1;
      Tensor grad({groups.items(), inputs});
      const auto grad_rows = rows_at(grad.mutable_data(), inputs, groups, direct ? options.input : RowOrder::grouped);
      kernels::grouped_gemm(sorted, by_outputs ? Op::none : Op::transpose, inputs, outputs, dz_rows, kept_weight.data(),
                            grad_rows);
      dx.accumulate(direct ? std::move(grad) : sum_of_choices(grad, groups));
    }
  };
  const Variable inputs_of_record[] = {x, weight, bias};
  return record("grouped_linear", std::span(inputs_of_record, bias.is_defined() ? 3 : 2), std::move(y),
                keep(kept_x, kept_weight, kept_y, z), backward);
}

// y[r] = sum_j g[r, j] u[p(r, j)];  du[p(r, j)] = g[r, j] dy[r],  dg[r, j] = u[p(r, j)] . dy[r]
Variable combine(const Variable& grouped, const Groups& groups, const Variable& gates) {
  const std::int64_t rows = groups.rows(), k = groups.choices();
  if (grouped.shape().rank() != 2 || grouped.extent(0) != groups.items() || gates.shape() != Shape{rows, k}) {
    throw ShapeError(fmt::format("combine: {} rows with {} choices need grouped [{}, n] and gates {}, not {} and {}",
                                 rows, k, groups.items(), Shape{rows, k}.to_string(), grouped.shape().to_string(),
                                 gates.shape().to_string()));
  }
  const std::int64_t width = grouped.extent(1);
  Tensor y({rows, width});
  if (k == 0) y = Tensor::zeros(y.shape());
  kernels::combine(grouped.value().data(), groups.sorted().position.data(), gates.value().data(), rows, k, width,
                   y.mutable_data());
  const Tensor kept_grouped = gates.requires_grad() ? grouped.value() : Tensor();
  const Tensor kept_gates = grouped.requires_grad() ? gates.value() : Tensor();
  return record("combine", {grouped, gates}, std::move(y), keep(kept_grouped, kept_gates),
                [=, du = grouped.sink(), dg = gates.sink()](const Tensor& dy) {
                  Tensor d_grouped, d_gates;
                  if (du.needed()) d_grouped = Tensor({groups.items(), width});
                  if (dg.needed()) d_gates = Tensor({rows, k});
                  kernels::combine_backward(kept_grouped.data(), groups.sorted().position.data(), kept_gates.data(),
                                            dy.data(), rows, k, width, d_grouped.mutable_data(),
                                            d_gates.mutable_data());
                  if (du.needed()) du.accumulate(std::move(d_grouped));
                  if (dg.needed()) dg.accumulate(std::move(d_gates));
                });
}

// s[g] = sum over the items i of g of v[i];  dv[i] = ds[g]
Variable sum_by_group(const Variable& values, const Groups& groups) {
  if (values.shape() != Shape{groups.rows(), groups.choices()}) {
    throw ShapeError(fmt::format("sum_by_group: {} rows with {} choices have numbers {}, not {}", groups.rows(),
                                 groups.choices(), Shape{groups.rows(), groups.choices()}.to_string(),
                                 values.shape().to_string()));
  }
  const auto for_each_item = [groups](auto body) {
    const kernels::Grouping& sorted = groups.sorted();
    for (std::int64_t u = 0; u < sorted.used.size(); ++u) {
      for (std::int32_t p = sorted.begin.data()[u]; p < sorted.begin.data()[u + 1]; ++p) {
        body(sorted.used.data()[u], sorted.order.data()[p]);
      }
    }
  };
  Tensor sums = Tensor::zeros({groups.count()});
  for_each_item([s = sums.mutable_data(), v = values.value().data()](auto group, auto item) { s[group] += v[item]; });
  return record("sum_by_group", {values}, std::move(sums), keep(),
                [=, shape = values.shape(), sink = values.sink()](const Tensor& ds) {
                  Tensor dv(shape);
                  for_each_item([s = ds.data(), v = dv.mutable_data()](auto group, auto item) { v[item] = s[group]; });
                  sink.accumulate(std::move(dv));
                });
}

}  // namespace canopy
