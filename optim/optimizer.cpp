#include <canopy/optim/optimizer.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/kernels/elementwise.hpp>

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

// Stays at the largest number, where beta^t, all that it serves for, has long been 0 beside 1.
void count_on(std::int32_t& steps) {
  if (steps < std::numeric_limits<std::int32_t>::max()) ++steps;
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
  entry.rows = {Tensor::zeros(entry.parameter.shape()), Tensor::zeros(rows), Indices::zeros(rows)};
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
    count_on(entry.steps);
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
  float* usage = rows.usage.mutable_data();
  std::int32_t* steps = rows.steps.mutable_data();
  for (std::int32_t row = 0; row < counts.size(); ++row) {
    usage[row] += counts.data()[row];
    if (usage[row] < local_batches_[*entry.local_batch].size) continue;
    float* grad = rows.grad.mutable_data() + row * width;
    count_on(steps[row]);
    update(entry, {.values = grad, .rows = &row, .count = 1, .width = width, .lazy = true}, steps[row],
           learning_rate_ * entry.rate_ratio);
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

State Optimizer::state() const {
  State state;
  for (const Entry& entry : entries_) {
    if (entry.steps == 0) continue;
    state.counts[entry.key + ".step"] = count_array(entry.steps, name_);
    for (std::size_t i = 0; i < buffer_names_.size(); ++i) {
      state.tensors[entry.key + "." + buffer_names_[i]] = entry.buffers[i].clone();
    }
    if (!entry.local_batch) continue;
    state.tensors[entry.key + ".local_grad"] = entry.rows.grad.clone();
    state.tensors[entry.key + ".local_usage"] = entry.rows.usage.clone();
    state.counts[entry.key + ".local_step"] = entry.rows.steps.clone();
  }
  return state;
}

void Optimizer::load_state(const State& state) {
  StateReader reader(name_, state);
  std::vector<Entry> loaded = entries_;
  for (Entry& entry : loaded) {
    entry.steps = 0;
    entry.buffers.clear();
    entry.rows = {};
    if (!reader.has(entry.key + ".step")) continue;  // was never updated
    entry.steps = reader.count(entry.key + ".step");
    for (const std::string& buffer : buffer_names_) {
      entry.buffers.push_back(reader.tensor(entry.key + "." + buffer, entry.parameter.shape()).clone());
    }
    if (!entry.local_batch) continue;
    const Shape rows{entry.parameter.extent(0)};
    entry.rows = {reader.tensor(entry.key + ".local_grad", entry.parameter.shape()).clone(),
                  reader.tensor(entry.key + ".local_usage", rows).clone(),
                  reader.counts(entry.key + ".local_step", rows)};
  }
  reader.finish();
  entries_ = std::move(loaded);
}

}  // namespace canopy::optim
