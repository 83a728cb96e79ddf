#include <canopy/optim/optimizer.hpp>

#include <cmath>
#include <set>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/optim/state.hpp>

#include <fmt/format.h>

namespace canopy::optim {
namespace {

bool not_negative(double value) { return std::isfinite(value) && value >= 0; }

}  // namespace

Optimizer::Optimizer(std::string_view name, const std::vector<ParameterGroup>& groups, double learning_rate,
                     double weight_decay, std::vector<std::string> buffer_names)
    : name_(name), learning_rate_(learning_rate), buffer_names_(std::move(buffer_names)) {
  require(not_negative(learning_rate) && learning_rate > 0, "learning_rate", learning_rate, "a number above 0");
  require(not_negative(weight_decay), "weight_decay", weight_decay, "a number from 0");
  std::map<std::string, int> uses;
  for (const ParameterGroup& group : groups) {
    const double rate = group.learning_rate.value_or(learning_rate);
    const double decay = group.weight_decay.value_or(weight_decay);
    require(not_negative(rate), "learning_rate of a group", rate, "a number from 0");
    require(not_negative(decay), "weight_decay of a group", decay, "a number from 0");
    for (const Variable& parameter : group.parameters) {
      if (!parameter.is_same(parameter)) {
        throw ConfigError(fmt::format("{}: variable {} is a constant, not a parameter", name_, entries_.size()));
      }
      for (const Entry& entry : entries_) {
        if (!entry.parameter.is_same(parameter)) continue;
        throw ConfigError(fmt::format("{}: the parameter '{}' is given twice", name_, parameter.name()));
      }
      ++uses[parameter.name()];
      entries_.push_back({parameter, parameter.name(), rate / learning_rate, decay, 0, {}});
    }
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].key.empty() || uses[entries_[i].key] > 1) entries_[i].key = std::to_string(i);
  }
}

void Optimizer::require(bool valid, std::string_view option, double value, std::string_view expected) const {
  if (!valid) throw ConfigError(fmt::format("{}: {} must be {}, not {}", name_, option, expected, value));
}

void Optimizer::step() {
  for (Entry& entry : entries_) {
    if (!entry.parameter.has_grad()) continue;
    if (entry.buffers.empty()) {
      for (std::size_t i = 0; i < buffer_names_.size(); ++i) {
        entry.buffers.push_back(Tensor::zeros(entry.parameter.shape()));
      }
    }
    ++entry.steps;
    update(entry, learning_rate_ * entry.rate_ratio);
  }
}

void Optimizer::zero_grad() {
  for (Entry& entry : entries_) entry.parameter.zero_grad();
}

void Optimizer::set_learning_rate(double rate) {
  require(not_negative(rate), "learning_rate", rate, "a number from 0");
  learning_rate_ = rate;
}

std::map<std::string, Tensor> Optimizer::state() const {
  std::map<std::string, Tensor> state;
  for (const Entry& entry : entries_) {
    if (entry.steps == 0) continue;
    state[entry.key + ".step"] = detail::count_tensor(entry.steps);
    for (std::size_t i = 0; i < buffer_names_.size(); ++i) {
      state[entry.key + "." + buffer_names_[i]] = entry.buffers[i].clone();
    }
  }
  return state;
}

void Optimizer::load_state(const std::map<std::string, Tensor>& state) {
  std::set<std::string> known;
  const auto find = [&](const std::string& key, const Shape& shape) -> const Tensor& {
    const auto found = state.find(key);
    if (found == state.end()) throw CheckpointError(fmt::format("{}: the state lacks '{}'", name_, key));
    if (found->second.shape() != shape) {
      throw CheckpointError(fmt::format("{}: the state '{}' has the shape {} where {} is needed", name_, key,
                                        found->second.shape().to_string(), shape.to_string()));
    }
    known.insert(key);
    return found->second;
  };
  const auto belongs = [&](const Entry& entry) {
    if (state.contains(entry.key + ".step")) return true;
    for (const std::string& buffer : buffer_names_) {
      if (state.contains(entry.key + "." + buffer)) return true;
    }
    return false;
  };
  std::vector<Entry> loaded = entries_;
  for (Entry& entry : loaded) {
    entry.steps = 0;
    entry.buffers.clear();
    if (!belongs(entry)) continue;  // was never updated
    find(entry.key + ".step", {1});
    entry.steps = detail::count_of(state, entry.key + ".step", name_);
    for (const std::string& buffer : buffer_names_) {
      entry.buffers.push_back(find(entry.key + "." + buffer, entry.parameter.shape()).clone());
    }
  }
  for (const auto& [key, tensor] : state) {
    if (!known.contains(key)) {
      throw CheckpointError(fmt::format("{}: the state '{}' belongs to no parameter", name_, key));
    }
  }
  entries_ = std::move(loaded);
}

}  // namespace canopy::optim
