#include <canopy/optim/optimizer.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/kernels/elementwise.hpp>
#include <canopy/optim/state.hpp>

#include <fmt/format.h>

namespace canopy::optim {
namespace {

bool not_negative(double value) { return std::isfinite(value) && value >= 0; }

std::int64_t row_width(const Variable& parameter) {
  return parameter.size() / std::max<std::int64_t>(parameter.extent(0), 1);
}

kernels::ParameterGradient gradient_of(const Variable& parameter, bool lazy) {
  if (!parameter.has_row_grad()) return {.values = parameter.grad().data()};
  const RowGradient& grad = parameter.row_grad();
  return {.values = grad.values.data(),
          .rows = grad.rows.data(),
          .count = grad.rows.size(),
          .width = row_width(parameter),
          .lazy = lazy};
}

// sum += grad
void add_gradient(const Variable& parameter, Tensor& sum) {
  float* to = sum.mutable_data();
  if (!parameter.has_row_grad()) {
    kernels::add_to(to, parameter.grad().data(), sum.size());
    return;
  }
  const RowGradient& grad = parameter.row_grad();
  const std::int64_t width = row_width(parameter);
  for (std::int64_t i = 0; i < grad.rows.size(); ++i) {
    kernels::add_to(to + grad.rows.data()[i] * width, grad.values.data() + i * width, width);
  }
}

}  // namespace

Optimizer::Optimizer(std::string_view name, const std::vector<ParameterGroup>& groups, double learning_rate,
                     double weight_decay, bool lazy_rows, std::vector<std::string> buffer_names)
    : name_(name), learning_rate_(learning_rate), lazy_rows_(lazy_rows), buffer_names_(std::move(buffer_names)) {
  require(not_negative(learning_rate) && learning_rate > 0, "learning_rate", learning_rate, "a number above 0");
  require(not_negative(weight_decay), "weight_decay", weight_decay, "a number from 0");
  std::map<std::string, int> uses;
  for (const ParameterGroup& group : groups) {
    const double rate = group.learning_rate.value_or(learning_rate);
    const double decay = group.weight_decay.value_or(weight_decay);
    require(not_negative(rate), "learning_rate of a group", rate, "a number from 0");
    require(not_negative(decay), "weight_decay of a group", decay, "a number from 0");
    std::optional<std::size_t> local_batch;
    if (group.local_batch) {
      const double size = group.local_batch->size;
      require(std::isfinite(size) && size > 0, "the local batch size of a group", size, "a number above 0");
      local_batch = local_batches_.size();
      local_batches_.push_back(*group.local_batch);
    }
    for (const Variable& parameter : group.parameters) {
      if (local_batch) require_rows(parameter, local_batches_.back().usage);
      if (!parameter.is_same(parameter)) {
        throw ConfigError(fmt::format("{}: variable {} is a constant, not a parameter", name_, entries_.size()));
      }
      for (const Entry& entry : entries_) {
        if (!entry.parameter.is_same(parameter)) continue;
        throw ConfigError(fmt::format("{}: the parameter '{}' is given twice", name_, parameter.name()));
      }
      ++uses[parameter.name()];
      entries_.push_back({parameter, parameter.name(), rate / learning_rate, decay, local_batch, 0, {}});
    }
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].key.empty() || uses[entries_[i].key] > 1) entries_[i].key = std::to_string(i);
  }
}

void Optimizer::require(bool valid, std::string_view option, double value, std::string_view expected) const {
  if (!valid) throw ConfigError(fmt::format("{}: {} must be {}, not {}", name_, option, expected, value));
}

void Optimizer::require_rows(const Variable& parameter, const Tensor& usage) const {
  const bool fits = parameter.shape().rank() > 0 && usage.shape() == Shape{parameter.extent(0)};
  if (fits) return;
  throw ShapeError(fmt::format("{}: the usage {} does not count the rows of '{}' {}", name_, usage.shape().to_string(),
                               parameter.name(), parameter.shape().to_string()));
}

void Optimizer::start(Entry& entry) const {
  if (entry.steps > 0) return;
  for (std::size_t i = 0; i < buffer_names_.size(); ++i) {
    entry.buffers.push_back(Tensor::zeros(entry.parameter.shape()));
  }
  if (!entry.local_batch) return;
  const Shape rows{entry.parameter.extent(0)};
  entry.rows = {Tensor::zeros(entry.parameter.shape()), Tensor::zeros(rows), Tensor::zeros(rows)};
}

void Optimizer::step() {
  std::vector<Tensor> counts;  // taken once, whichever parameters they are for
  for (LocalBatch& local : local_batches_) {
    counts.push_back(local.usage.clone());
    std::ranges::fill(local.usage.mutable_elements(), 0.f);
  }
  for (Entry& entry : entries_) {
    if (!entry.parameter.has_grad() && (!entry.local_batch || entry.steps == 0)) continue;
    start(entry);
    ++entry.steps;
    if (entry.local_batch) {
      step_rows(entry, counts[*entry.local_batch]);
    } else {
      update(entry, gradient_of(entry.parameter, lazy_rows_), entry.steps, learning_rate_ * entry.rate_ratio);
    }
  }
}

void Optimizer::step_rows(Entry& entry, const Tensor& counts) {
  LocalRows& rows = entry.rows;
  if (entry.parameter.has_grad()) add_gradient(entry.parameter, rows.grad);
  entry.parameter.zero_grad();
  const std::int64_t width = row_width(entry.parameter);
  float *usage = rows.usage.mutable_data(), *steps = rows.steps.mutable_data();
  for (std::int32_t row = 0; row < counts.size(); ++row) {
    usage[row] += counts.data()[row];
    if (usage[row] < local_batches_[*entry.local_batch].size) continue;
    float* grad = rows.grad.mutable_data() + row * width;
    steps[row] += 1.f;
    update(entry, {.values = grad, .rows = &row, .count = 1, .width = width, .lazy = true},
           static_cast<std::int64_t>(steps[row]), learning_rate_ * entry.rate_ratio);
    std::fill_n(grad, width, 0.f);
    usage[row] = 0.f;
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
    if (!entry.local_batch) continue;
    for (const auto& [suffix, field] : local_fields) state[entry.key + suffix] = (entry.rows.*field).clone();
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
    return entry.local_batch && std::ranges::any_of(local_fields, [&](const auto& field) {
             return state.contains(entry.key + field.first);
           });
  };
  std::vector<Entry> loaded = entries_;
  for (Entry& entry : loaded) {
    entry.steps = 0;
    entry.buffers.clear();
    entry.rows = {};
    if (!belongs(entry)) continue;  // was never updated
    find(entry.key + ".step", {1});
    entry.steps = detail::count_of(state, entry.key + ".step", name_);
    for (const std::string& buffer : buffer_names_) {
      entry.buffers.push_back(find(entry.key + "." + buffer, entry.parameter.shape()).clone());
    }
    if (!entry.local_batch) continue;
    for (const auto& [suffix, field] : local_fields) {
      const Shape shape = field == &LocalRows::grad ? entry.parameter.shape() : Shape{entry.parameter.extent(0)};
      entry.rows.*field = find(entry.key + suffix, shape).clone();
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
