// How a recipe optimises, whatever the model and its task.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include <canopy/experiments/harness/fields.hpp>
#include <canopy/experiments/training/rate_feedback.hpp>
#include <canopy/nn/routed/routing_usage.hpp>
#include <canopy/optim/optimizer.hpp>
#include <canopy/optim/schedule.hpp>

namespace canopy::training {

/// Fractions are of the planned training.
struct Optimisation {
  std::string optimizer = "sgd";  ///< or "adam", "adamw"
  double learning_rate = 0.2;
  double momentum = 0;                                ///< of sgd
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  ///< of adam and adamw
  double weight_decay = 0;
  bool decay_norms = true;  ///< whether it takes in what has "bias" or "norm" in its name
  /// "constant"; "cosine", "linear": to 0 at the end; "triangle": up from a quarter, from three quarters of the
  /// training on to 0 (paper 2); "plateau": halved where the training score stands still (paper 1, Table 2); "boost":
  /// tripled while the selection score is stuck below 90 (paper 3's released code).
  std::string schedule = "constant";
  double warm_up = 0;          ///< fraction of the steps with a rate that rises from 0
  std::int64_t plateau = 250;  ///< evaluations without a better training score before "plateau" halves the rate
  std::int64_t batch_size = 256;
  std::int64_t accumulate = 1;  ///< batches that make a step
  double clip_norm = 0;         ///< of all gradients together; 0: they are not clipped
  std::int64_t local_batch =
      0;  ///< samples a branch or node waits for before it steps (localised optimisation); 0: off
};

template <class O, class Visit>
requires std::same_as<std::remove_const_t<O>, Optimisation>
void visit_fields(O& o, const Visit& visit) {
  using namespace harness;
  visit("optimizer", o.optimizer, OneOf{"sgd", "adam", "adamw"});
  visit("learning_rate", o.learning_rate, positive_real);
  visit("momentum", o.momentum, fraction_below_1);
  visit("beta1", o.beta1, fraction_below_1);
  visit("beta2", o.beta2, fraction_below_1);
  visit("epsilon", o.epsilon, positive_real);
  visit("weight_decay", o.weight_decay, real_from_0);
  visit("decay_norms", o.decay_norms, unchecked);
  visit("schedule", o.schedule, OneOf{"constant", "cosine", "linear", "triangle", "plateau", "boost"});
  visit("warm_up", o.warm_up, fraction_below_1);
  visit("plateau", o.plateau, count_from_1);
  visit("batch_size", o.batch_size, count_from_1);
  visit("accumulate", o.accumulate, count_from_1);
  visit("clip_norm", o.clip_norm, real_from_0);
  visit("local_batch", o.local_batch, count_from_0);
}

/// With `local_batch` the nodes and branches of routed layers step by their own use, which `usage` counts.
std::unique_ptr<optim::Optimizer> make_optimizer(const Optimisation& recipe, const nn::Module& model,
                                                 const nn::RoutingUsage& usage);
/// Of a training of so many steps.
optim::Schedule make_schedule(const Optimisation& recipe, std::int64_t steps);
/// What "plateau" (of `training_score`) and "boost" do; null for the others.
std::unique_ptr<RateFeedback> make_feedback(const Optimisation& recipe, const WatchedScore& training_score);

}  // namespace canopy::training
