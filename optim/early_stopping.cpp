#include <canopy/optim/early_stopping.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/optim/state.hpp>

#include <fmt/format.h>

namespace canopy::optim {
namespace {

std::map<std::string, Tensor> numbered(const std::vector<Variable>& parameters) {
  std::map<std::string, Tensor> tensors;
  for (std::size_t i = 0; i < parameters.size(); ++i) tensors[std::to_string(i)] = parameters[i].value();
  return tensors;
}

}  // namespace

EarlyStopping::EarlyStopping(std::map<std::string, Tensor> tensors, const EarlyStoppingOptions& options)
    : tensors_(std::move(tensors)), options_(options) {
  if (options.patience < 1) {
    throw ConfigError(fmt::format("EarlyStopping: patience must be 1 or more, not {}", options.patience));
  }
}

EarlyStopping::EarlyStopping(const std::vector<Variable>& parameters, const EarlyStoppingOptions& options)
    : EarlyStopping(numbered(parameters), options) {}

bool EarlyStopping::update(double score, std::int64_t epoch) {
  last_epoch_ = epoch;
  const auto now = static_cast<float>(score);
  if (!detail::is_better(now, best_score_, options_.higher_is_better)) return false;
  best_score_ = now;
  best_epoch_ = epoch;
  for (const auto& [name, tensor] : tensors_) best_[name] = tensor.clone();
  return true;
}

void EarlyStopping::restore() {
  if (best_epoch_ < 0) throw ConfigError("EarlyStopping: there is no best state to restore, no score was a number");
  for (auto& [name, tensor] : tensors_) {
    const Tensor& best = best_.at(name);
    std::copy_n(best.data(), best.size(), tensor.mutable_data());
  }
}

std::map<std::string, Tensor> EarlyStopping::state() const {
  // Epochs from 0, where -1 means none.
  std::map<std::string, Tensor> state{{"last_epoch", detail::count_tensor(last_epoch_ + 1)}};
  if (best_epoch_ < 0) return state;
  state["best_score"] = Tensor({1}, best_score_);
  state["best_epoch"] = detail::count_tensor(best_epoch_ + 1);
  for (const auto& [name, tensor] : best_) state["best." + name] = tensor.clone();
  return state;
}

void EarlyStopping::load_state(const std::map<std::string, Tensor>& state) {
  constexpr std::string_view owner = "EarlyStopping";
  EarlyStopping loaded(tensors_, options_);
  loaded.last_epoch_ = detail::count_of(state, "last_epoch", owner) - 1;
  if (state.size() > 1) {
    loaded.best_score_ = detail::number_of(state, "best_score", owner);
    loaded.best_epoch_ = detail::count_of(state, "best_epoch", owner) - 1;
    for (const auto& [name, tensor] : tensors_) {
      const auto found = state.find("best." + name);
      if (found == state.end()) throw CheckpointError(fmt::format("{}: the state lacks 'best.{}'", owner, name));
      if (found->second.shape() != tensor.shape()) {
        throw CheckpointError(fmt::format("{}: the state 'best.{}' has the shape {} where {} is needed", owner, name,
                                          found->second.shape().to_string(), tensor.shape().to_string()));
      }
      loaded.best_[name] = found->second.clone();
    }
    if (state.size() != tensors_.size() + 3) {
      throw CheckpointError(
          fmt::format("{}: the state holds {} tensors where {} are needed", owner, state.size(), tensors_.size() + 3));
    }
  }
  *this = std::move(loaded);
}

}  // namespace canopy::optim
