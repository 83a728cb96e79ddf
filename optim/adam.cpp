#include <canopy/optim/adam.hpp>

#include <cmath>
#include <utility>

namespace canopy::optim {
namespace {

std::vector<ParameterGroup> one_group(std::vector<Variable> parameters) {
  return {ParameterGroup{std::move(parameters)}};
}

}  // namespace

Adam::Adam(std::vector<Variable> parameters, const AdamOptions& options)
    : Adam(one_group(std::move(parameters)), options) {}

Adam::Adam(const std::vector<ParameterGroup>& groups, const AdamOptions& options)
    : Adam("Adam", groups, options, false) {}

Adam::Adam(std::string_view name, const std::vector<ParameterGroup>& groups, const AdamOptions& options, bool decoupled)
    : Optimizer(name, groups, options.learning_rate, options.weight_decay, options.lazy_rows,
                {"exp_avg", "exp_avg_sq"}),
      options_(options),
      decoupled_(decoupled) {
  require(options.beta1 >= 0 && options.beta1 < 1, "beta1", options.beta1, "a number in [0, 1)");
  require(options.beta2 >= 0 && options.beta2 < 1, "beta2", options.beta2, "a number in [0, 1)");
  require(std::isfinite(options.epsilon) && options.epsilon > 0, "epsilon", options.epsilon, "a number above 0");
}

void Adam::update(Entry& entry, const kernels::ParameterGradient& gradient, std::int64_t step, double learning_rate) {
  const auto t = static_cast<double>(step);
  kernels::adam(entry.parameter.mutable_value().mutable_data(), gradient, entry.buffers[0].mutable_data(),
                entry.buffers[1].mutable_data(), entry.parameter.size(),
                {.learning_rate = learning_rate,
                 .beta1 = options_.beta1,
                 .beta2 = options_.beta2,
                 .epsilon = options_.epsilon,
                 .weight_decay = entry.weight_decay,
                 .decoupled = decoupled_,
                 .bias_correction1 = 1 - std::pow(options_.beta1, t),
                 .bias_correction2 = 1 - std::pow(options_.beta2, t)});
}

AdamW::AdamW(std::vector<Variable> parameters, const AdamWOptions& options)
    : AdamW(one_group(std::move(parameters)), options) {}

AdamW::AdamW(const std::vector<ParameterGroup>& groups, const AdamWOptions& options)
    : Adam("AdamW", groups,
           {.learning_rate = options.learning_rate,
            .beta1 = options.beta1,
            .beta2 = options.beta2,
            .epsilon = options.epsilon,
            .weight_decay = options.weight_decay,
            .lazy_rows = options.lazy_rows},
           true) {}

}  // namespace canopy::optim
