#include <canopy/optim/early_stopping.hpp>

#include <algorithm>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/optim/score.hpp>

#include <fmt/format.h>

namespace canopy::optim {
namespace {

std::map<std::string, Tensor> copy_values(const std::vector<Variable>& parameters) {
  std::map<std::string, Tensor> values;
  for (std::size_t i = 0; i < parameters.size(); ++i) values[std::to_string(i)] = parameters[i].value().clone();
  return values;
}

void write_values(std::vector<Variable>& parameters, const std::map<std::string, Tensor>& values) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& value = values.at(std::to_string(i));
    std::copy_n(value.data(), value.size(), parameters[i].mutable_value().mutable_data());
  }
}

}  // namespace

EarlyStopping::EarlyStopping(Watched watched, const EarlyStoppingOptions& options)
    : watched_(std::move(watched)), options_(options) {
  if (options.patience < 1) {
    throw ConfigError(fmt::format("EarlyStopping: patience must be 1 or more, not {}", options.patience));
  }
}

EarlyStopping::EarlyStopping(std::vector<Variable> parameters, const EarlyStoppingOptions& options)
    : EarlyStopping({[parameters] { return copy_values(parameters); },
                     [parameters](const Tensors& best) mutable { write_values(parameters, best); }},
                    options) {}

bool EarlyStopping::update(double score, std::int64_t epoch) {
  last_epoch_ = epoch;
  const auto now = static_cast<float>(score);
  if (!detail::is_better(now, best_score_, options_.higher_is_better)) return false;
  best_score_ = now;
  best_epoch_ = epoch;
  best_ = watched_.copy();
  return true;
}

void EarlyStopping::restore() {
  if (best_epoch_ < 0) throw ConfigError("EarlyStopping: there is no best state to restore, no score was a number");
  watched_.write(best_);
}

State EarlyStopping::state() const {
  State state;
  state.counts["last_epoch"] = count_array(last_epoch_ + 1, "EarlyStopping");
  if (best_epoch_ < 0) return state;
  state.counts["best_epoch"] = count_array(best_epoch_ + 1, "EarlyStopping");
  state.tensors["best_score"] = Tensor({1}, best_score_);
  for (const auto& [name, tensor] : best_) state.tensors["best." + name] = tensor.clone();
  return state;
}

void EarlyStopping::load_state(const State& state) {
  StateReader reader("EarlyStopping", state);
  EarlyStopping loaded(watched_, options_);
  loaded.last_epoch_ = reader.count("last_epoch") - 1;
  if (reader.has("best_score")) {
    loaded.best_score_ = reader.number("best_score");
    loaded.best_epoch_ = reader.count("best_epoch") - 1;
    for (const auto& [name, tensor] : watched_.copy()) {
      loaded.best_[name] = reader.tensor("best." + name, tensor.shape()).clone();
    }
  }
  reader.finish();
  *this = std::move(loaded);
}

}  // namespace canopy::optim
