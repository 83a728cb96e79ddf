// Module: named parameters and buffers, training and evaluation mode, state dictionaries.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <canopy/autograd/variable.hpp>
#include <canopy/nn/checkpoints/architecture.hpp>

namespace canopy::nn {

class RoutedLayer;

/// Tensors by name, in the layouts of PyTorch checkpoints.
using StateDict = std::map<std::string, Tensor>;

/// How a parameter is laid out in a state dictionary: as in memory, or with its last two axes swapped.
enum class FileLayout { as_is, transposed };

/// A parameter or buffer with its full name, such as "encoder.0.weight".
struct NamedVariable {
  std::string name;
  Variable variable;
  FileLayout layout = FileLayout::as_is;  ///< under every name
  std::vector<std::string> aliases = {};  ///< further names of a tied one
};

/// Where a state comes from: tensors in memory, or those of a file, read one at a time.
struct StateSource {
  std::string name = "the state";            ///< in errors
  std::map<std::string, Shape> shapes = {};  ///< of every tensor there is
  std::function<Tensor(const std::string& name)> read = {};
  /// What keeps a tensor from being read, found without changing anything; empty where nothing does.
  std::function<std::string(const std::string& name)> fault = [](const std::string&) { return std::string(); };
  std::function<bool(const std::string& name)> may_be_missing = [](const std::string&) { return false; };
  std::function<bool(const std::string& name)> may_be_left_over = [](const std::string&) { return false; };
};

/// Base of layers and models. Parameters are Variables that the module owns; submodules are its members, registered by
/// name. Neither copied nor moved, since registration keeps addresses; hold modules by std::unique_ptr where they must
/// travel.
///
/// A parameter or module registered under several names is tied, as in PyTorch: it is one parameter, listed, counted,
/// stepped and saved once, under the first of its names; a state may hold it under any of them.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// The name from the outermost module down, such as "encoder.0.feedforward"; empty for the outermost itself. Of a
  /// module that was registered twice, the later one.
  const std::string& name() const { return name_; }

  /// Parameters of this module and its submodules in the order of registration, with names from here on; each once.
  std::vector<NamedVariable> named_parameters() const;
  /// The same without names, as optimizers take them.
  std::vector<Variable> parameters() const;
  /// Tensors that are state but not trained (counters), named likewise.
  std::vector<NamedVariable> named_buffers() const;

  /// Training mode: dropout, region leak and gate noise are on. This is the mode of a new module.
  void train() { set_training(true); }
  /// Evaluation mode: forward is deterministic and const in fact, so many threads may infer with one model.
  void eval() { set_training(false); }
  bool is_training() const { return training_; }

  void zero_grad();

  /// Packs the weights that products of this module, without its submodules, read (Variable::pack); by default none.
  /// See pack_weights for a whole model.
  virtual void pack() {}

  /// Copies of all parameters and persistent buffers by name.
  StateDict state_dict() const;
  /// Copies `state` into the parameters. Throws CheckpointError that lists every missing, unexpected and misshapen
  /// entry, and names of one tied parameter with different values; then nothing has been changed.
  void load_state_dict(const StateDict& state);
  /// The same from any source, tensor by tensor. Every fault that shapes and `fault` show is found before anything is
  /// changed; only a `read` that throws after that leaves the state partly read.
  void load_state(const StateSource& source);

  /// Number of trained numbers.
  std::int64_t parameter_count() const;
  /// A table of every parameter: name, shape, number of elements, bytes; frozen and tied ones are marked.
  std::string summary() const;

  /// Calls `visit` for this module and every submodule, in the order of registration, parents first; once for each
  /// name, should one be registered twice.
  void for_each_module(const std::function<void(Module&)>& visit);
  void for_each_module(const std::function<void(const Module&)>& visit) const;

  /// This module as a layer that sends rows to branches; null where it is none.
  virtual RoutedLayer* as_routed() { return nullptr; }
  virtual const RoutedLayer* as_routed() const { return nullptr; }

 protected:
  /// A new parameter of this module; the name becomes part of its full name. Throws ConfigError if the name is empty,
  /// taken or has a dot in it: dots separate modules (`Parameters` makes "linear_in.weight").
  Variable add_parameter(const std::string& name, Tensor value, FileLayout layout = FileLayout::as_is);
  /// Ties: an existing parameter, such as an embedding's weight, becomes this module's as well. Throws ConfigError as
  /// above and for a variable that is no parameter.
  Variable add_parameter(const std::string& name, const Variable& parameter);
  /// A new buffer; only persistent ones are part of state dictionaries. Throws ConfigError as above.
  Variable add_buffer(const std::string& name, Tensor value, bool persistent);
  /// Registers a member (or an owned object) as submodule, with its parameters of now. Throws ConfigError as above and
  /// if this module is the submodule or a part of it.
  void add_module(const std::string& name, Module& module);

 private:
  struct Buffer {
    NamedVariable named;
    bool persistent;
  };
  void set_training(bool training);
  void set_name(std::string name);
  void require_good_name(const std::string& name) const;
  template <class Visit>
  void visit(const std::string& prefix, const Visit& visit_module) const;
  std::vector<NamedVariable> named_buffers(bool persistent_alone) const;
  std::vector<NamedVariable> state() const;

  std::vector<NamedVariable> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<std::pair<std::string, Module*>> modules_;
  std::string name_;
  bool training_ = true;
};

/// A module that is nothing but named parameters, such as the "linear_in" of "linear_in.weight".
class Parameters : public Module {
 public:
  using Module::add_parameter;
};

/// A module with one input and one output.
class Layer : public Module {
 public:
  /// y from x; shapes and errors are the layer's.
  virtual Variable forward(const Variable& x) const = 0;
  Variable operator()(const Variable& x) const { return forward(x); }

  /// What a checkpoint says so that `load_model` can build the layer again. A layer that says nothing is built by its
  /// program and filled by `load_weights`.
  virtual Architecture architecture() const { return {.name = custom_architecture}; }
};

}  // namespace canopy::nn
