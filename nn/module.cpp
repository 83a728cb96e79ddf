#include <canopy/nn/module.hpp>

#include <algorithm>
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

}  // namespace

template <class Visit>
void Module::visit(const std::string& prefix, const Visit& visit_module) const {
  visit_module(prefix, *this);
  for (const auto& [name, module] : modules_) module->visit(join(prefix, name), visit_module);
}

std::vector<NamedVariable> Module::named_parameters() const {
  std::vector<NamedVariable> all;
  visit("", [&](const std::string& prefix, const Module& module) {
    for (NamedVariable entry : module.parameters_) {
      entry.name = join(prefix, entry.name);
      all.push_back(std::move(entry));
    }
  });
  return all;
}

std::vector<Variable> Module::parameters() const {
  std::vector<Variable> all;
  for (NamedVariable& entry : named_parameters()) all.push_back(std::move(entry.variable));
  return all;
}

std::vector<NamedVariable> Module::named_buffers() const {
  std::vector<NamedVariable> all;
  visit("", [&](const std::string& prefix, const Module& module) {
    for (const Buffer& buffer : module.buffers_) {
      all.push_back({join(prefix, buffer.named.name), buffer.named.variable, buffer.named.layout});
    }
  });
  return all;
}

std::vector<NamedVariable> Module::state() const {
  std::vector<NamedVariable> all = named_parameters();
  visit("", [&](const std::string& prefix, const Module& module) {
    for (const Buffer& buffer : module.buffers_) {
      if (buffer.persistent)
        all.push_back({join(prefix, buffer.named.name), buffer.named.variable, buffer.named.layout});
    }
  });
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
  std::vector<std::string> complaints;
  std::vector<NamedVariable> own = state();
  for (const NamedVariable& entry : own) {
    const auto found = new_state.find(entry.name);
    if (found == new_state.end()) {
      complaints.push_back(fmt::format("missing '{}' {}", entry.name, file_shape(entry).to_string()));
    } else if (found->second.shape() != file_shape(entry)) {
      complaints.push_back(fmt::format("'{}' has the shape {} where the model has {}", entry.name,
                                       found->second.shape().to_string(), file_shape(entry).to_string()));
    }
  }
  for (const auto& [name, tensor] : new_state) {
    const bool known = std::any_of(own.begin(), own.end(), [&](const NamedVariable& e) { return e.name == name; });
    if (!known) complaints.push_back(fmt::format("unexpected '{}' {}", name, tensor.shape().to_string()));
  }
  if (!complaints.empty()) {
    throw CheckpointError(fmt::format("the state does not fit the model: {}", fmt::join(complaints, "; ")));
  }
  for (NamedVariable& entry : own) {
    const Tensor& stored = new_state.at(entry.name);
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
  }
  text += fmt::format("{:<40} {:<20} {:>12} {:>12}\n", "total", "", parameter_count(), bytes(parameter_count()));
  return text;
}

void Module::set_name(std::string name) {
  for (const auto& [own, module] : modules_) module->set_name(join(name, own));
  name_ = std::move(name);
}

void Module::require_new_name(const std::string& name) const {
  const auto has_name = [&](const NamedVariable& entry) { return entry.name == name; };
  const bool taken =
      std::any_of(parameters_.begin(), parameters_.end(), has_name) ||
      std::any_of(buffers_.begin(), buffers_.end(), [&](const Buffer& b) { return has_name(b.named); }) ||
      std::any_of(modules_.begin(), modules_.end(), [&](const auto& entry) { return entry.first == name; });
  if (taken || name.empty()) throw ConfigError(fmt::format("module: the name '{}' is taken or empty", name));
}

Variable Module::add_parameter(const std::string& name, Tensor value, FileLayout layout) {
  require_new_name(name);
  Variable parameter = Variable::parameter(std::move(value), join(name_, name));
  parameters_.push_back({name, parameter, layout});
  return parameter;
}

Variable Module::add_buffer(const std::string& name, Tensor value, bool persistent) {
  require_new_name(name);
  Variable buffer(std::move(value));
  buffers_.push_back({{name, buffer}, persistent});
  return buffer;
}

void Module::add_module(const std::string& name, Module& module) {
  require_new_name(name);
  modules_.emplace_back(name, &module);
  module.set_name(join(name_, name));
  for (NamedVariable& entry : module.named_parameters()) entry.variable.set_name(join(module.name_, entry.name));
}

}  // namespace canopy::nn
