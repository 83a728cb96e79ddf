// Every differentiable operation once, for tests that hold for all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <canopy/autograd/activations.hpp>
#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/attention.hpp>
#include <canopy/autograd/decision_path.hpp>
#include <canopy/autograd/dropout.hpp>
#include <canopy/autograd/embedding.hpp>
#include <canopy/autograd/grouped.hpp>
#include <canopy/autograd/image_patches.hpp>
#include <canopy/autograd/joined_linear.hpp>
#include <canopy/autograd/layer_norm.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/losses.hpp>
#include <canopy/autograd/neuron_forest.hpp>
#include <canopy/autograd/power.hpp>
#include <canopy/autograd/recompute.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/selection.hpp>
#include <canopy/autograd/sequence_mean.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/autograd/top_k.hpp>
#include <canopy/autograd/tree.hpp>
#include <canopy/core/random.hpp>

#include "support/parameter.hpp"

namespace canopy::test {

struct Operation {
  std::string name;  // as a tape records it
  std::vector<Shape> inputs;
  std::function<Variable(const std::vector<Variable>&)> apply;
  bool is_estimator = false;  // of a gradient that is not the function's

  /// Inputs of the operation, fit for its domain: all above 0.
  std::vector<Variable> parameters() const {
    std::vector<Variable> result;
    for (const Shape& shape : inputs) {
      Variable input = parameter(shape, name + "." + std::to_string(result.size()));
      for (float& v : input.mutable_value().mutable_elements()) v = 0.1f + v * v;
      result.push_back(input);
    }
    return result;
  }
};

inline std::vector<Operation> operations() {
  using Inputs = std::vector<Variable>;
  const Shape matrix{5, 4};
  const Indices labels({5}, {0, 3, 1, 1, 2}), two({5, 2}, {0, 2, 1, 2, 2, 0, 1, 0, 2, 1});
  const Groups groups(Indices({5}, {0, 2, 2, 0, 2}), 4), choices(two, 3);
  const ForestShape forest{2, 2};
  std::vector<Operation> all = {
      {"add", {matrix, {4}}, [](const Inputs& in) { return in[0] + in[1]; }},
      {"add", {matrix}, [](const Inputs& in) { return in[0] + 2.f; }},
      {"subtract", {matrix, {4}}, [](const Inputs& in) { return in[0] - in[1]; }},
      {"subtract", {matrix}, [](const Inputs& in) { return 2.f - in[0]; }},
      {"multiply", {matrix, {5, 1}}, [](const Inputs& in) { return in[0] * in[1]; }},
      {"multiply", {matrix}, [](const Inputs& in) { return in[0] * 2.f; }},
      {"divide", {matrix, {4}}, [](const Inputs& in) { return in[0] / in[1]; }},
      {"negate", {matrix}, [](const Inputs& in) { return -in[0]; }},
      {"exp", {matrix}, [](const Inputs& in) { return exp(in[0]); }},
      {"expm1", {matrix}, [](const Inputs& in) { return expm1(in[0]); }},
      {"log", {matrix}, [](const Inputs& in) { return log(in[0]); }},
      {"log1p", {matrix}, [](const Inputs& in) { return log1p(in[0]); }},
      {"pow", {matrix}, [](const Inputs& in) { return pow(in[0], 1.5f); }},
      {"pow", {matrix, {4}}, [](const Inputs& in) { return pow(in[0], in[1]); }},
      {"where", {matrix, {4}}, [](const Inputs& in) { return where(in[0].value(), in[0], in[1]); }},
      {"maximum", {matrix, {4}}, [](const Inputs& in) { return maximum(in[0], in[1]); }},
      {"minimum", {matrix, {4}}, [](const Inputs& in) { return minimum(in[0], in[1]); }},
      {"clamp", {matrix}, [](const Inputs& in) { return clamp(in[0], 0.3f, 1.f); }},
      {"sqrt", {matrix}, [](const Inputs& in) { return sqrt(in[0]); }},
      {"square", {matrix}, [](const Inputs& in) { return square(in[0]); }},
      {"abs", {matrix}, [](const Inputs& in) { return abs(in[0]); }},
      {"dropout",
       {matrix},
       [](const Inputs& in) {
         RandomStream stream(1, "operations");
         return dropout(in[0], 0.5f, stream);
       }},
      {"combine", {{10, 3}, {5, 2}}, [=](const Inputs& in) { return combine(in[0], choices, in[1]); }},
      {"sum_by_group", {{5, 2}}, [=](const Inputs& in) { return sum_by_group(in[0], choices); }},
      {"layer_norm", {matrix, {4}, {4}}, [](const Inputs& in) { return layer_norm(in[0], in[1], in[2]); }},
      {"attention",
       {{5, 12}},
       [](const Inputs& in) {
         return attention(in[0], Sequences::packed(std::vector<std::int64_t>{2, 3}), {.heads = 2});
       }},
      {"image_patches",
       {{2, 2, 2, 4}},
       [](const Inputs& in) { return image_patches(in[0], {.height = 2, .width = 4, .channels = 2}, 2); }},
      {"sequence_mean",
       {matrix},
       [](const Inputs& in) {
         return sequence_mean(in[0], Sequences::packed(std::vector<std::int64_t>{2, 0, 3}));
       }},
      {"joined_linear",
       {matrix, {3, 4}, {2, 4}, {2}},
       [](const Inputs& in) {
         return joined_linear(in[0], std::vector{in[1], in[2]}, std::vector{Variable(), in[3]});
       }},
      {"matmul", {matrix, {4, 3}}, [](const Inputs& in) { return matmul(in[0], in[1]); }},
      {"mean_squared_error", {matrix, matrix}, [](const Inputs& in) { return mean_squared_error(in[0], in[1]); }},
      {"neuron_forest",
       {matrix, {14, 4}, {14, 3}, {14}},
       [=](const Inputs& in) { return neuron_forest(in[0], in[1], in[3], in[2], forest).y; }},
      {"path_activations", {{5, 14}}, [=](const Inputs& in) { return path_activations(in[0], forest).values; }},
      {"decision_path",
       {matrix, {3, 4}, {3, 1}},
       [](const Inputs& in) { return decision_path(in[0], in[1], in[2], 2).logits; }},
      {"decision_path", {{5, 3}}, [](const Inputs& in) { return decision_path(in[0], 2).logits; }},
      {"path_probability", {{5, 2}}, [](const Inputs& in) { return path_probability(in[0]); }},
      {"straight_through",
       {{5, 3}, {5, 2}},
       [=](const Inputs& in) {
         return straight_through(in[0], in[1], Tensor({10, 3}, 0.5f), choices);
       },
       true},
      {"sum", {matrix}, [](const Inputs& in) { return sum(in[0]); }},
      {"sum", {matrix}, [](const Inputs& in) { return sum(in[0], 1); }},
      {"mean", {matrix}, [](const Inputs& in) { return mean(in[0], 0); }},
      {"max", {matrix}, [](const Inputs& in) { return max(in[0], 1); }},
      {"reshape", {matrix}, [](const Inputs& in) { return reshape(in[0], {20}); }},
      {"concatenate",
       {matrix, {2, 4}},
       [](const Inputs& in) {
         return concatenate({in[0], in[1]}, 0);
       }},
      {"slice", {matrix}, [](const Inputs& in) { return slice(in[0], 1, 1, 3); }},
      {"transpose", {matrix}, [](const Inputs& in) { return transpose(in[0]); }},
      {"embedding", {matrix}, [=](const Inputs& in) { return embedding(in[0], two); }},
      {"softmax", {matrix}, [](const Inputs& in) { return softmax(in[0]); }},
      {"log_softmax", {matrix}, [](const Inputs& in) { return log_softmax(in[0]); }},
      {"cross_entropy", {matrix}, [=](const Inputs& in) { return cross_entropy(in[0], labels); }},
      {"binary_cross_entropy",
       {matrix, matrix},
       [](const Inputs& in) { return binary_cross_entropy(sigmoid(in[0]), in[1]); }},
      {"mean_absolute_error",
       {matrix, matrix},
       [](const Inputs& in) { return mean_absolute_error(in[0], in[1] + 0.05f); }},
      {"huber_loss", {matrix, matrix}, [](const Inputs& in) { return huber_loss(in[0], in[1]); }},
      {"binary_cross_entropy_with_logits",
       {matrix, matrix},
       [](const Inputs& in) { return binary_cross_entropy_with_logits(in[0], in[1]); }},
      {"path_logits",
       {matrix, {14, 4}, {14}},
       [=](const Inputs& in) {
         return path_logits(in[0], in[1], in[2], Indices({2, 5}, 1), forest);
       }},
      {"gather", {matrix}, [=](const Inputs& in) { return gather(in[0], two); }},
      {"top_k_probability",
       {matrix, matrix, {5, 2}},
       [=](const Inputs& in) { return top_k_probability(in[0], in[1], in[2], two); }},
      {"tree_paths", {{5, 3}}, [](const Inputs& in) { return tree_paths(in[0], 2, Routing::soft).path; }},
      {"tree_paths",
       {{5, 3}},
       [](const Inputs& in) { return tree_paths(in[0], 2, Routing::straight_through).path; },
       true},
      {"leaf_mixture",
       {matrix, {5, 8}, {4, 2, 3}, {4, 3}},
       [](const Inputs& in) { return leaf_mixture(in[0], in[1], in[2], in[3]); }},
      {"node_entropy", {matrix}, [](const Inputs& in) { return node_entropy(in[0], {}, 0.5f); }},
      {"negative_load_entropy", {matrix}, [](const Inputs& in) { return negative_load_entropy(in[0]); }},
      {"recompute",
       {matrix, {3, 4}},
       [](const Inputs& in) { return recompute([](const Inputs& x) { return gelu(linear(x[0], x[1], {})); }, in); }},
      {"recompute",  // captured
       {matrix, {3, 4}},
       [](const Inputs& in) {
         return recompute([w = in[1]](const Variable& x) { return gelu(linear(x, w, {})); }, in[0]);
       }},
  };
  const auto name = [](Activation activation) {
    return std::vector<std::string>{
        "identity", "relu", "gelu", "gelu_tanh", "sigmoid", "tanh", "softplus"}[int(activation)];
  };
  for (const Activation f : {Activation::identity, Activation::relu, Activation::gelu, Activation::gelu_tanh,
                             Activation::sigmoid, Activation::tanh, Activation::softplus}) {
    if (f != Activation::identity) {
      all.push_back({name(f), {matrix}, [=](const Inputs& in) { return activate(f, in[0]); }});
    }
    all.push_back({"linear", {matrix, {3, 4}, {3}}, [=](const Inputs& in) { return linear(in[0], in[1], in[2], f); }});
    for (const auto weights : {GroupedWeights::outputs_by_inputs, GroupedWeights::inputs_by_outputs}) {
      const Shape w = weights == GroupedWeights::outputs_by_inputs ? Shape{4, 3, 4} : Shape{4, 4, 3};
      all.push_back({"grouped_linear", {matrix, w, {4, 3}}, [=](const Inputs& in) {
                       return grouped_linear(in[0], groups, in[1], in[2], {.activation = f, .weights = weights});
                     }});
    }
  }
  return all;
}

}  // namespace canopy::test
