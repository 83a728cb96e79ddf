// A model with a routed layer of each kind.
#pragma once

#include <cstdint>

#include <canopy/core/random.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>

namespace canopy::test {

// A layer of each kind, in sequence.
struct RoutedModel : nn::Sequential {
  static constexpr std::int64_t width = 6;

  nn::FFF& tree;
  nn::TreeFFF& forest;
  nn::MoE& moe;

  RoutedModel()
      : tree((manual_seed(1),
              add<nn::FFF>(nn::FFFOptions{.inputs = width, .outputs = width, .depth = 3, .leaf_width = 2}))),
        forest(add<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = width, .outputs = width, .trees = 3, .depth = 2})),
        moe(add<nn::MoE>(nn::MoEOptions{
            .inputs = width, .outputs = width, .experts = 5, .expert_width = 2, .k = 2, .noise = false})) {}
};

}  // namespace canopy::test
