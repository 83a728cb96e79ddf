#include <canopy/nn/module.hpp>

#include <algorithm>
#include <cstring>
#include <set>
#include <unordered_map>
#include <utility>

#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::nn {
namespace {

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : fmt::format("{}.{}", prefix, name);
}

Tensor transpose_last_two(const Tensor& x) {
  const std::int64_t rows = x.extent(-2);
  const std::int64_t columns = x.extent(-1);
  Tensor y(x.shape().with(-2, columns).with(-1, rows));
  float* out = y.mutable_data();
  const std::int64_t matrix = rows * columns;
  for (std::int64_t start = 0; start < x.size(); start += matrix) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) out[start + j * rows + i] = x.data()[start + i * columns + j];
    }
  }
  return y;
}

Shape file_shape(const NamedVariable& entry) {
  const Shape& shape = entry.variable.shape();
  return entry.layout == FileLayout::as_is ? shape : shape.with(-2, shape[-1]).with(-1, shape[-2]);
}

std::string bytes(std::int64_t elements) {
  const double size = static_cast<double>(elements) * sizeof(float);
  if (size < 1024) return fmt::format("{:.0f} B", size);
  if (size < 1024 * 1024) return fmt::format("{:.1f} KiB", size / 1024);
  return fmt::format("{:.1f} MiB", size / (1024 * 1024));
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() &&
         (a.empty() || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0);
}

// A list that has each entry once, under the first of its names.
class EachOnce {
 public:
  void add(const void* id, NamedVariable entry) {
    const auto [place, fresh] = places_.try_emplace(id, list_.size());
    if (fresh) {
      list_.push_back(std::move(entry));
    } else {
      list_[place->second].aliases.push_back(std::move(entry.name));
    }
  }
  std::vector<NamedVariable> take() { return std::move(list_); }

 private:
  std::vector<NamedVariable> list_;
  std::unordered_map<const void*, std::size_t> places_;
};

// What is wrong with the tensors that `source` has for `entry`, and which it will be read from: none where it may stay
// as it is.
std::string choose(const NamedVariable& entry, const StateSource& source, std::set<std::string>& used,
                   std::vector<std::string>& complaints) {
  std::vector<std::string> names = {entry.name};
  names.insert(names.end(), entry.aliases.begin(), entry.aliases.end());
  std::string chosen;
  for (const std::string& name : names) {
    const auto found = source.shapes.find(name);
    if (found == source.shapes.end()) continue;
    used.insert(name);
    if (found->second != file_shape(entry)) {
      complaints.push_back(fmt::format("'{}' has the shape {} where the model has {}", name, found->second.to_string(),
                                       file_shape(entry).to_string()));
    } else if (const std::string fault = source.fault(name); !fault.empty()) {
      complaints.push_back(fmt::format("'{}': {}", name, fault));
    } else if (chosen.empty()) {
      chosen = name;
    } else if (!same_bits(source.read(chosen), source.read(name))) {
      complaints.push_back(fmt::format("'{}' and '{}' are one parameter of the model but differ", chosen, name));
    }
  }
  const auto there = [&](const std::string& name) { return used.contains(name); };
  if (std::ranges::none_of(names, there) && std::ranges::none_of(names, source.may_be_missing)) {
    complaints.push_back(fmt::format("missing '{}' {}", entry.name, file_shape(entry).to_string()));
  }
  return chosen;
}

}  // namespace

template <class Visit>
void Module::visit(const std::string& prefix, const Visit& visit_module) const {
  visit_module(prefix, *this);
  for (const auto& [name, module] : modules_) module->visit(join(prefix, name), visit_module);
}

std::vector<NamedVariable> Module::named_parameters() const {
  EachOnce all;
  visit("", [&](const std::string& prefix, const Module& module) {
    for (NamedVariable entry : module.parameters_) {
      entry.name = join(prefix, entry.name);
      const void* id = entry.variable.id();
      all.add(id, std::move(entry));
    }
  });
  return all.take();
}

std::vector<Variable> Module::parameters() const {
  std::vector<Variable> all;
  for (NamedVariable& entry : named_parameters()) all.push_back(std::move(entry.variable));
  return all;
}

std::vector<NamedVariable> Module::named_buffers(bool persistent_alone) const {
  EachOnce all;
  visit("", [&](const std::string& prefix, const Module& module) {
    for (const Buffer& buffer : module.buffers_) {
      if (persistent_alone && !buffer.persistent) continue;
      all.add(&buffer, {.name = join(prefix, buffer.named.name), .variable = buffer.named.variable});
    }
  });
  return all.take();
}

std::vector<NamedVariable> Module::named_buffers() const { return named_buffers(false); }

std::vector<NamedVariable> Module::state() const {
  std::vector<NamedVariable> all = named_parameters();
  std::ranges::move(named_buffers(true), std::back_inserter(all));
  return all;
}

void Module::set_training(bool training) {
  training_ = training;
  for (const auto& [name, module] : modules_) module->set_training(training);
}

void Module::for_each_module(const std::function<void(Module&)>& visit) {
  visit(*this);
  for (const auto& [name, module] : modules_) module->for_each_module(visit);
}

void Module::for_each_module(const std::function<void(const Module&)>& visit) const {
  visit(*this);
  for (const auto& [name, module] : modules_) std::as_const(*module).for_each_module(visit);
}

void Module::zero_grad() {
  for (Variable& parameter : parameters()) parameter.zero_grad();
}

StateDict Module::state_dict() const {
  StateDict result;
  for (const NamedVariable& entry : state()) {
    const Tensor& value = entry.variable.value();
    result.emplace(entry.name, entry.layout == FileLayout::as_is ? value.clone() : transpose_last_two(value));
  }
  return result;
}

void Module::load_state_dict(const StateDict& new_state) {
  StateSource source;
  for (const auto& [name, tensor] : new_state) source.shapes.emplace(name, tensor.shape());
  source.read = [&](const std::string& name) { return new_state.at(name); };
  load_state(source);
}

void Module::load_state(const StateSource& source) {
  std::vector<std::string> complaints;
  std::set<std::string> used;
  std::vector<std::pair<NamedVariable, std::string>> reading;
  for (NamedVariable& entry : state()) {
    const std::string from = choose(entry, source, used, complaints);
    if (!from.empty()) reading.emplace_back(std::move(entry), from);
  }
  for (const auto& [name, shape] : source.shapes) {
    if (used.contains(name) || source.may_be_left_over(name)) continue;
    complaints.push_back(fmt::format("unexpected '{}' {}", name, shape.to_string()));
  }
  if (!complaints.empty()) {
    throw CheckpointError(fmt::format("{} does not fit the model: {}", source.name, fmt::join(complaints, "; ")));
  }
  for (auto& [entry, from] : reading) {
    const Tensor stored = source.read(from);
    const Tensor value = entry.layout == FileLayout::as_is ? stored : transpose_last_two(stored);
    std::copy_n(value.data(), value.size(), entry.variable.mutable_value().mutable_data());
  }
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Variable& parameter : parameters()) count += parameter.size();
  return count;
}

std::string Module::summary() const {
  std::string text = fmt::format("{:<40} {:<20} {:>12} {:>12}\n", "parameter", "shape", "elements", "memory");
  for (const NamedVariable& entry : named_parameters()) {
    const Variable& v = entry.variable;
    text += fmt::format("{:<40} {:<20} {:>12} {:>12}{}\n", entry.name, file_shape(entry).to_string(), v.size(),
                        bytes(v.size()), v.requires_grad() ? "" : "  frozen");
    for (const std::string& alias : entry.aliases) {
      text += fmt::format("{:<40} {:<20} {:>12} {:>12}  tied to {}\n", alias, file_shape(entry).to_string(), "", "",
                          entry.name);
    }
  }
  text += fmt::format("{:<40} {:<20} {:>12} {:>12}\n", "total", "", parameter_count(), bytes(parameter_count()));
  return text;
}

void Module::set_name(std::string name) {
  for (const auto& [own, module] : modules_) module->set_name(join(name, own));
  name_ = std::move(name);
}

void Module::require_good_name(const std::string& name) const {
  const auto has_name = [&](const NamedVariable& entry) { return entry.name == name; };
  const bool taken =
      std::any_of(parameters_.begin(), parameters_.end(), has_name) ||
      std::any_of(buffers_.begin(), buffers_.end(), [&](const Buffer& b) { return has_name(b.named); }) ||
      std::any_of(modules_.begin(), modules_.end(), [&](const auto& entry) { return entry.first == name; });
  if (name.empty()) throw ConfigError("module: the name of a parameter, buffer or module is empty");
  if (name.find('.') != name.npos) {
    throw ConfigError(
        fmt::format("module: the name '{}' has a dot in it; dots separate the names of nested modules", name));
  }
  if (taken) throw ConfigError(fmt::format("module: the name '{}' is taken", name));
}

Variable Module::add_parameter(const std::string& name, Tensor value, FileLayout layout) {
  require_good_name(name);
  Variable parameter = Variable::parameter(std::move(value), join(name_, name));
  parameters_.push_back({.name = name, .variable = parameter, .layout = layout});
  return parameter;
}

Variable Module::add_parameter(const std::string& name, const Variable& parameter) {
  require_good_name(name);
  if (parameter.id() == nullptr) {
    throw ConfigError(fmt::format("module: '{}' cannot be tied to a constant; a parameter is needed", name));
  }
  parameters_.push_back({.name = name, .variable = parameter});
  return parameter;
}

Variable Module::add_buffer(const std::string& name, Tensor value, bool persistent) {
  require_good_name(name);
  Variable buffer(std::move(value));
  buffers_.push_back({{.name = name, .variable = buffer}, persistent});
  return buffer;
}

void Module::add_module(const std::string& name, Module& module) {
  require_good_name(name);
  module.visit("", [&](const std::string&, const Module& part) {
    if (&part == this) throw ConfigError(fmt::format("module: '{}' would hold the module that it is a part of", name));
  });
  modules_.emplace_back(name, &module);
  module.set_name(join(name_, name));
  for (NamedVariable& entry : named_parameters()) entry.variable.set_name(join(name_, entry.name));
}

}  // namespace canopy::nn
