#include <canopy/experiments/training/optimisation.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include <canopy/canopy.hpp>

namespace canopy::training {
namespace {

std::vector<optim::ParameterGroup> groups_of(const Optimisation& recipe, const nn::Module& model,
                                             const nn::RoutingUsage& usage) {
  if (recipe.local_batch == 0) return {{.parameters = model.parameters()}};
  const auto size = static_cast<double>(recipe.local_batch);
  std::vector<optim::ParameterGroup> groups;
  std::vector<Variable> shared = model.parameters();
  const auto add_local = [&](const std::vector<Variable>& parameters, const Tensor& counts) {
    if (parameters.empty()) return;
    groups.push_back({.parameters = parameters, .local_batch = optim::LocalBatch{.usage = counts, .size = size}});
    std::erase_if(shared, [&](const Variable& each) {
      return std::ranges::any_of(parameters, [&](const Variable& local) { return local.is_same(each); });
    });
  };
  for (const nn::LayerUsage& each : usage.layers()) {
    const nn::RoutedParameters parameters = each.layer->routed_parameters();
    add_local(parameters.nodes, each.nodes);
    add_local(parameters.branches, each.branches);
  }
  if (!shared.empty()) groups.push_back({.parameters = shared});
  return groups;
}

// Each group as two: what decays, and the biases and norms in it.
std::vector<optim::ParameterGroup> apart(const std::vector<optim::ParameterGroup>& groups, double weight_decay) {
  std::vector<optim::ParameterGroup> all;
  for (const optim::ParameterGroup& group : groups) {
    const optim::DecayOptions options{.weight_decay = weight_decay, .exempt = {"bias", "norm"}};
    for (optim::ParameterGroup& part : optim::decay_groups(group.parameters, options)) {
      part.local_batch = group.local_batch;
      all.push_back(std::move(part));
    }
  }
  return all;
}

}  // namespace

std::unique_ptr<optim::Optimizer> make_optimizer(const Optimisation& recipe, const nn::Module& model,
                                                 const nn::RoutingUsage& usage) {
  std::vector<optim::ParameterGroup> groups = groups_of(recipe, model, usage);
  if (!recipe.decay_norms) groups = apart(groups, recipe.weight_decay);
  const double rate = recipe.learning_rate, decay = recipe.weight_decay;
  if (recipe.optimizer == "adam") {
    return std::make_unique<optim::Adam>(groups, optim::AdamOptions{.learning_rate = rate,
                                                                    .beta1 = recipe.beta1,
                                                                    .beta2 = recipe.beta2,
                                                                    .epsilon = recipe.epsilon,
                                                                    .weight_decay = decay});
  }
  if (recipe.optimizer == "adamw") {
    return std::make_unique<optim::AdamW>(groups, optim::AdamWOptions{.learning_rate = rate,
                                                                      .beta1 = recipe.beta1,
                                                                      .beta2 = recipe.beta2,
                                                                      .epsilon = recipe.epsilon,
                                                                      .weight_decay = decay});
  }
  return std::make_unique<optim::SGD>(
      groups, optim::SGDOptions{.learning_rate = rate, .momentum = recipe.momentum, .weight_decay = decay});
}

optim::Schedule make_schedule(const Optimisation& recipe, std::int64_t steps) {
  const auto warm = static_cast<std::int64_t>(std::llround(recipe.warm_up * static_cast<double>(steps)));
  const std::int64_t rest = std::max<std::int64_t>(steps - warm, 1);
  const auto main = [&] {
    if (recipe.schedule == "cosine") return optim::cosine({.rate = recipe.learning_rate, .steps = rest});
    if (recipe.schedule == "linear") return optim::linear({.from = recipe.learning_rate, .to = 0, .steps = rest});
    if (recipe.schedule == "triangle") return optim::triangle({.rate = recipe.learning_rate, .steps = rest});
    return optim::constant(recipe.learning_rate);
  };
  return warm == 0 ? main() : optim::warm_up({.steps = warm}, main());
}

std::unique_ptr<RateFeedback> make_feedback(const Optimisation& recipe, const WatchedScore& training_score) {
  if (recipe.schedule == "plateau") return std::make_unique<HalveOnPlateau>(training_score, recipe.plateau);
  if (recipe.schedule == "boost") return std::make_unique<TripleWhileStuck>();
  return nullptr;
}

}  // namespace canopy::training
