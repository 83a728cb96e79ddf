#include <canopy/nn/routed/fff.hpp>

#include <utility>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/decision_path.hpp>
#include <canopy/autograd/dropout.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/tree_inference.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/initialise.hpp>
#include <canopy/nn/routed/routing_trace.hpp>

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
  if (options.depth < 0 || options.depth > deepest_tree) {
    throw ConfigError(fmt::format("FFF: the depth must lie in 0..{}, not {}", deepest_tree, options.depth));
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

Variable FFF::forward_rows(const Variable& x) const {
  if (!is_training()) return evaluate(x);
  const bool dense = routing_ == Routing::soft || routing_ == Routing::straight_through;
  return with_master(x, dense ? forward_dense(x) : forward_path(x));
}

Variable FFF::evaluate(const Variable& x) const {
  RoutingTrace* const trace = RoutingTrace::live();
  const bool soft = SoftInference::is_on();
  if (!soft && !is_recording() && trace == nullptr) return infer(x.value()).y;
  Variable y;
  Indices leaf;  // where hard decisions lead, whoever answers
  if (!soft && !is_recording()) {
    Inference inference = infer(x.value());
    y = std::move(inference.y);
    leaf = std::move(inference.leaf);
  } else {
    if (!soft || trace != nullptr) {
      leaf = Indices({x.extent(0)});
      kernels::route(tree(), x.value().data(), x.extent(0), leaf.mutable_data());
    }
    y = with_master(x, soft ? mixture(x) : chosen_leaves(x, Groups(leaf, leaves()), RowOrder::given, false));
  }
  if (trace == nullptr) return y;
  if (trace->options().details) {
    Variable logits = node_logits(x);
    TreePaths paths = tree_paths(logits, options_.depth, soft ? Routing::soft : Routing::hard);
    trace->add(*this, x,
               TreeDecisions{options_.depth, std::move(logits), std::move(paths.path), std::move(paths.reach), leaf});
  } else {
    trace->add(*this, x, ChosenBranches{leaf.reshape({leaf.size(), 1})});
  }
  return y;
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
  const TreePaths paths = tree_paths(logits, options_.depth, routing_);
  if (RoutingTrace* trace = RoutingTrace::live()) {
    trace->add(*this, x, TreeDecisions{options_.depth, std::move(logits), paths.path, paths.reach});
  }
  return all_leaves(x, paths.path, true);
}

Variable FFF::forward_path(const Variable& x) const {
  const std::int64_t batch = x.extent(0);
  const int depth = options_.depth;
  const bool all = options_.loss_nodes == LossNodes::all;
  Variable logits;  // of all nodes
  DecisionPath path;
  if (all) {
    logits = node_logits(x);
    if (const Tensor sign = leak(logits.shape()); !sign.empty()) logits = logits * sign;
    path = decision_path(logits, depth);
  } else {
    path = decision_path(x, node_weights_, node_biases_, depth, leak({batch, depth}));
  }
  Variable y = chosen_leaves(x, Groups(path.leaf, leaves()), RowOrder::given, true);
  std::optional<Groups> others;
  if (routing_ == Routing::sparse_straight_through && depth > 0 && is_recording()) {
    others = all ? other_leaves_by_logits(logits, path.leaf) : other_leaves(x, path.leaf);
    Tensor answers;
    {
      const NoRecord pause;
      answers = chosen_leaves(x, *others, RowOrder::grouped, true).value();
    }
    y = straight_through(y, path.logits, answers, *others);
  }
  if (RoutingTrace* trace = RoutingTrace::live()) {
    if (all) {
      TreePaths paths = tree_paths(logits, depth, routing_);
      trace->add(*this, x,
                 TreeDecisions{depth, std::move(logits), std::move(paths.path), std::move(paths.reach), path.leaf});
    } else {
      trace->add(*this, x, PathDecisions{depth, path.logits, path.leaf, std::move(others)});
    }
  }
  return y;
}

// The leaves that the other sides of the nodes on a path lead to, from the root on.
Groups FFF::other_leaves(const Variable& x, const Indices& leaf) const {
  const std::int64_t batch = x.extent(0), depth = options_.depth;
  Indices others({batch, depth});
  const Tensor sign = leak({batch, depth * (depth - 1) / 2});
  kernels::route_others(tree(), x.value().data(), batch, leaf.data(), sign.empty() ? nullptr : sign.data(),
                        others.mutable_data());
  return Groups(others, leaves());
}

Groups FFF::other_leaves_by_logits(const Variable& logits, const Indices& leaf) const {
  Indices others({leaf.size(), options_.depth});
  kernels::route_others_by_logits(logits.value().data(), leaf.size(), options_.depth, leaf.data(),
                                  others.mutable_data());
  return Groups(others, leaves());
}

Variable FFF::mixture(const Variable& x) const {
  return all_leaves(x, tree_paths(node_logits(x), options_.depth, Routing::soft).path, false);
}

kernels::DecisionTree FFF::tree() const {
  return {options_.inputs, options_.depth, node_weights_.value().data(), node_biases_.value().data()};
}

Variable FFF::forward_soft(const Variable& x) const {
  const Variable rows = rows_of(x);
  return reshape(with_master(rows, mixture(rows)), x.shape().with(-1, options_.outputs));
}

FFF::Inference FFF::infer(const Tensor& x) const {
  const std::int64_t batch = row_count(x.shape());
  Inference result{Tensor(x.shape().with(-1, options_.outputs)), Indices({batch})};
  const kernels::Leaves table{options_.inputs,    options_.leaf_width, options_.outputs,   w1_.value().data(),
                              b1_.value().data(), w2_.value().data(),  b2_.value().data(), options_.activation};
  kernels::hard_inference(tree(), table, x.data(), batch, result.leaf.mutable_data(), result.y.mutable_data());
  if (master_) {
    const NoRecord pause;
    const Tensor rows = x.reshape({batch, options_.inputs}), y = result.y.reshape({batch, options_.outputs});
    result.y = (*master_)(rows, y).value().reshape(result.y.shape());
  }
  return result;
}

void FFF::freeze_tree() {
  node_weights_.set_requires_grad(false);
  node_biases_.set_requires_grad(false);
  routing_ = Routing::hard;
}

RoutedParameters FFF::routed_parameters() const {
  RoutedParameters parameters{.nodes = {node_weights_, node_biases_}, .branches = {w1_, b1_, w2_, b2_}, .shared = {}};
  if (master_) parameters.shared = {master_->w1, master_->b1, master_->w2, master_->b2, master_->mix_logit};
  return parameters;
}

Architecture FFF::architecture() const {
  Architecture described{.name = "fff",
                         .options = {{"depth", std::to_string(options_.depth)},
                                     {"leaf_width", std::to_string(options_.leaf_width)},
                                     {"activation", std::string(to_string(options_.activation))},
                                     {"master_leaf_width", std::to_string(options_.master_leaf_width)}}};
  if (options_.master_mix == MasterMix::master) described.options.emplace("master_mix", "master");
  if (options_.dropout > 0) described.options.emplace("dropout", fmt::to_string(options_.dropout));
  if (options_.region_leak > 0) described.options.emplace("region_leak", fmt::to_string(options_.region_leak));
  return described;
}

}  // namespace canopy::nn
