#include <canopy/nn/fff.hpp>

#include <algorithm>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/decision_path.hpp>
#include <canopy/autograd/dropout.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/recompute.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/tree_inference.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/initialise.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

void require_probability(const char* what, float value) {
  if (!(value >= 0.f && value < 1.f)) {
    throw ConfigError(fmt::format("FFF: {} must lie in [0, 1), not {}", what, value));
  }
}

}  // namespace

FFF::FFF(const FFFOptions& options) : options_(options) {
  if (options.inputs < 1 || options.outputs < 1 || options.leaf_width < 1) {
    throw ConfigError(fmt::format("FFF: inputs ({}), outputs ({}) and leaf_width ({}) must be at least 1",
                                  options.inputs, options.outputs, options.leaf_width));
  }
  if (options.depth < 0 || options.depth > 24) {
    throw ConfigError(fmt::format("FFF: the depth must lie in 0..24, not {}", options.depth));
  }
  if (options.master_leaf_width < 0) {
    throw ConfigError(fmt::format("FFF: master_leaf_width must be at least 0, not {}", options.master_leaf_width));
  }
  require_probability("dropout", options.dropout);
  require_probability("region_leak", options.region_leak);
  const std::int64_t width = options.leaf_width;
  node_weights_ = add_parameter("node_weights", uniform_fan_in({nodes(), options.inputs}, options.inputs));
  node_biases_ = add_parameter("node_biases", uniform_fan_in({nodes(), 1}, options.inputs));
  w1_ = add_parameter("w1s", uniform_fan_in({leaves(), width, options.inputs}, options.inputs), FileLayout::transposed);
  b1_ = add_parameter("b1s", uniform_fan_in({leaves(), width}, options.inputs));
  w2_ = add_parameter("w2s", uniform_fan_in({leaves(), width, options.outputs}, width));
  b2_ = add_parameter("b2s", uniform_fan_in({leaves(), options.outputs}, width));
  if (const std::int64_t master = options.master_leaf_width; master > 0) {
    const auto in = [&](const Shape& shape) { return uniform_fan_in(shape, options.inputs); };
    const auto out = [&](const Shape& shape) { return uniform_fan_in(shape, width); };
    master_ = MasterLeaf{add_parameter("master_w1", in({master, options.inputs}), FileLayout::transposed),
                         add_parameter("master_b1", in({master})),
                         add_parameter("master_w2", out({options.outputs, master}), FileLayout::transposed),
                         add_parameter("master_b2", out({options.outputs})),
                         add_parameter("master_mix_logit", Tensor({1}, 0.5f)),
                         options.activation,
                         options.master_mix};
  }
  node_usage_ = add_buffer("node_usage", Tensor::zeros({nodes()}), false);
  leaf_usage_ = add_buffer("leaf_usage", Tensor::zeros({leaves()}), false);
}

void FFF::require_input(const Variable& x) const {
  if (x.shape().rank() != 2 || x.extent(1) != options_.inputs) {
    throw ShapeError(
        fmt::format("FFF: an input [batch, {}] is needed, not {}", options_.inputs, x.shape().to_string()));
  }
}

Variable FFF::node_logits(const Variable& x) const {
  if (nodes() == 0) return Tensor(Shape{x.extent(0), 0});
  return linear(x, node_weights_, reshape(node_biases_, {nodes()}));
}

Variable FFF::with_master(const Variable& x, const Variable& y) const { return master_ ? (*master_)(x, y) : y; }

Variable FFF::hidden_dropout(const Variable& hidden, bool training) const {
  return training && options_.dropout > 0.f ? dropout(hidden, options_.dropout, random_stream("dropout")) : hidden;
}

Variable FFF::all_leaves(const Variable& x, const Variable& path, bool training) const {
  const std::int64_t width = leaves() * options_.leaf_width;
  const Variable hidden = linear(x, reshape(w1_, {width, options_.inputs}), reshape(b1_, {width}), options_.activation);
  return leaf_mixture(path, hidden_dropout(hidden, training), w2_, b2_);
}

Variable FFF::chosen_leaves(const Variable& x, const Groups& groups, RowOrder output, bool training) const {
  const Variable hidden = grouped_linear(x, groups, w1_, b1_, {.activation = options_.activation});
  return grouped_linear(hidden_dropout(hidden, training), groups, w2_, b2_,
                        {.weights = GroupedWeights::inputs_by_outputs, .input = RowOrder::grouped, .output = output});
}

Variable FFF::forward(const Variable& x) const {
  require_input(x);
  if (!is_training()) {
    if (!is_recording()) return infer(x.value()).y;
    Indices leaf({x.extent(0)});
    kernels::route(tree(), x.value().data(), x.extent(0), leaf.mutable_data());
    return with_master(x, chosen_leaves(x, Groups(leaf, leaves()), RowOrder::given, false));
  }
  const bool dense = routing_ == Routing::soft || routing_ == Routing::straight_through;
  return with_master(x, dense ? forward_dense(x) : forward_path(x));
}

// Exchanging a node's children means p -> 1 - p, and 1 - sigmoid(z) = sigmoid(-z): the logit changes its sign.
Tensor FFF::leak(const Shape& shape) const {
  if (options_.region_leak == 0.f) return {};
  Tensor sign(shape);
  random_stream("region leak").fill_bernoulli(sign.mutable_elements(), options_.region_leak);
  for (float& t : sign.mutable_elements()) t = 1.f - 2.f * t;
  return sign;
}

Variable FFF::forward_dense(const Variable& x) const {
  Variable logits = node_logits(x);
  if (const Tensor sign = leak(logits.shape()); !sign.empty()) logits = logits * sign;
  TreePaths paths = tree_paths(logits, options_.depth, routing_);
  decisions_ = Decisions{std::move(logits), paths.path, std::move(paths.reach), {}, {}, false};
  count_usage(*decisions_);
  return all_leaves(x, paths.path, true);
}

Variable FFF::forward_path(const Variable& x) const {
  const std::int64_t batch = x.extent(0), depth = options_.depth;
  const bool all = options_.loss_nodes == LossNodes::all;
  DecisionPath path;
  if (all) {
    Variable logits = node_logits(x);
    if (const Tensor sign = leak(logits.shape()); !sign.empty()) logits = logits * sign;
    TreePaths paths = tree_paths(logits, options_.depth, routing_);
    path = decision_path(logits, options_.depth);
    decisions_ = Decisions{std::move(logits), std::move(paths.path), std::move(paths.reach), path.leaf, {}, false};
  } else {
    path = decision_path(x, node_weights_, node_biases_, options_.depth, leak({batch, depth}));
    decisions_ = Decisions{path.logits, {}, {}, path.leaf, {}, true};
  }
  count_usage(*decisions_);
  Variable y = chosen_leaves(x, Groups(path.leaf, leaves()), RowOrder::given, true);
  if (routing_ == Routing::hard || depth == 0 || !is_recording()) return y;

  Indices others({batch, depth});
  if (all) {
    kernels::route_others_by_logits(decisions_->logits.value().data(), batch, options_.depth, path.leaf.data(),
                                    others.mutable_data());
  } else {
    const Tensor sign = leak({batch, depth * (depth - 1) / 2});
    kernels::route_others(tree(), x.value().data(), batch, path.leaf.data(), sign.empty() ? nullptr : sign.data(),
                          others.mutable_data());
  }
  decisions_->others = Groups(others, leaves());
  Tensor answers;
  {
    const NoRecord pause;
    answers = chosen_leaves(x, *decisions_->others, RowOrder::grouped, true).value();
  }
  return straight_through(y, path.logits, answers, *decisions_->others);
}

Variable FFF::forward_soft(const Variable& x) const {
  require_input(x);
  return with_master(x, all_leaves(x, tree_paths(node_logits(x), options_.depth, Routing::soft).path, false));
}

kernels::DecisionTree FFF::tree() const {
  return {options_.inputs, options_.depth, node_weights_.value().data(), node_biases_.value().data()};
}

FFF::Inference FFF::infer(const Tensor& x) const {
  require_input(x);
  const std::int64_t batch = x.extent(0);
  Inference result{Tensor({batch, options_.outputs}), Indices({batch})};
  const kernels::Leaves table{options_.inputs,    options_.leaf_width, options_.outputs,   w1_.value().data(),
                              b1_.value().data(), w2_.value().data(),  b2_.value().data(), options_.activation};
  kernels::hard_inference(tree(), table, x.data(), batch, result.leaf.mutable_data(), result.y.mutable_data());
  if (master_) {
    const NoRecord pause;
    result.y = (*master_)(x, result.y).value();
  }
  return result;
}

void FFF::freeze_tree() {
  node_weights_.set_requires_grad(false);
  node_biases_.set_requires_grad(false);
  routing_ = Routing::hard;
}

const FFF::Decisions& FFF::decisions() const {
  if (!decisions_) throw Error("FFF: no decisions yet; call forward() in training mode first");
  return *decisions_;
}

void FFF::count_usage(const Decisions& decisions) const {
  if (options_.usage == Usage::none || is_recomputing()) return;
  float* nodes = node_usage_.mutable_value().mutable_data();
  float* leaves = leaf_usage_.mutable_value().mutable_data();
  const auto count = [&](std::int32_t leaf) {
    leaves[leaf] += 1.f;
    for (int level = 0; level < options_.depth; ++level) {
      nodes[(1 << level) - 1 + (leaf >> (options_.depth - level))] += 1.f;
    }
  };
  if (!decisions.leaf.empty()) {  // weights of hard decisions are counts
    for (const std::int32_t leaf : decisions.leaf.elements()) count(leaf);
  } else if (options_.usage == Usage::hard) {
    const Indices reached = decision_path(Variable(decisions.logits.value()), options_.depth).leaf;
    for (const std::int32_t leaf : reached.elements()) count(leaf);
  } else {
    const auto add_rows = [](const Tensor& rows, float* sums, std::int64_t width) {
      for (std::int64_t i = 0; i < rows.size(); ++i) sums[i % width] += rows.data()[i];
    };
    add_rows(decisions.reach, nodes, this->nodes());
    add_rows(decisions.path.value(), leaves, this->leaves());
  }
}

void FFF::reset_usage() {
  for (Variable* usage : {&node_usage_, &leaf_usage_})
    std::ranges::fill(usage->mutable_value().mutable_elements(), 0.f);
}

std::vector<Layer::InputWeights> FFF::input_weights() const {
  std::vector<InputWeights> weights = {{"node_weights", "node_biases"}, {"w1s", "b1s"}};
  if (master_) weights.push_back({"master_w1", "master_b1"});
  return weights;
}

std::map<std::string, std::string> FFF::architecture() const {
  std::map<std::string, std::string> entries = {{"architecture", "fff"},
                                                {"depth", std::to_string(options_.depth)},
                                                {"leaf_width", std::to_string(options_.leaf_width)},
                                                {"activation", to_string(options_.activation)},
                                                {"master_leaf_width", std::to_string(options_.master_leaf_width)}};
  if (options_.master_mix == MasterMix::master) entries.insert_or_assign("master_mix", "master");
  return entries;
}

}  // namespace canopy::nn
