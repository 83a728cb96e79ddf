#include <canopy/optim/sgd.hpp>

#include <utility>

#include <canopy/core/error.hpp>

namespace canopy::optim {

SGD::SGD(std::vector<Variable> parameters, const SGDOptions& options)
    : SGD(std::vector{ParameterGroup{std::move(parameters)}}, options) {}

SGD::SGD(const std::vector<ParameterGroup>& groups, const SGDOptions& options)
    : Optimizer("SGD", groups, options.learning_rate, options.weight_decay, options.lazy_rows,
                options.momentum == 0 ? std::vector<std::string>{} : std::vector<std::string>{"momentum_buffer"}),
      options_(options) {
  require(options.momentum >= 0 && options.momentum < 1, "momentum", options.momentum, "a number in [0, 1)");
  if (options.nesterov && options.momentum == 0) throw ConfigError("SGD: nesterov needs a momentum above 0");
}

void SGD::update(Entry& entry, const kernels::ParameterGradient& gradient, std::int64_t step, double learning_rate) {
  float* buffer = entry.buffers.empty() ? nullptr : entry.buffers[0].mutable_data();
  kernels::sgd(entry.parameter.mutable_value().mutable_data(), gradient, buffer, entry.parameter.size(),
               {.learning_rate = learning_rate,
                .momentum = options_.momentum,
                .nesterov = options_.nesterov,
                .weight_decay = entry.weight_decay,
                .first_step = step == 1});
}

}  // namespace canopy::optim
