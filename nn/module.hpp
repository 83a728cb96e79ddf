// Module: named parameters and buffers, training and evaluation mode, state dictionaries.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <canopy/autograd/variable.hpp>

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
  FileLayout layout = FileLayout::as_is;
};

/// Base of layers and models. Parameters are Variables that the module owns; submodules are its members, registered by
/// name. Neither copied nor moved, since registration keeps addresses; hold modules by std::unique_ptr where they must
/// travel.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// The name from the outermost module down, such as "encoder.0.feedforward"; empty for the outermost itself. Of a
  /// module that was registered twice, the later one.
  const std::string& name() const { return name_; }

  /// Parameters of this module and its submodules in the order of registration, with names from here on.
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

  /// Copies of all parameters and persistent buffers by name.
  StateDict state_dict() const;
  /// Copies `state` into the parameters. Throws CheckpointError that lists every missing, unexpected and misshapen
  /// entry; then nothing has been changed.
  void load_state_dict(const StateDict& state);

  /// Number of trained numbers.
  std::int64_t parameter_count() const;
  /// A table of every parameter: name, shape, number of elements, bytes; frozen ones are marked.
  std::string summary() const;

  /// Calls `visit` for this module and every submodule, in the order of registration, parents first; once for each
  /// name, should one be registered twice.
  void for_each_module(const std::function<void(Module&)>& visit);
  void for_each_module(const std::function<void(const Module&)>& visit) const;

  /// This module as a layer that sends rows to branches; null where it is none.
  virtual RoutedLayer* as_routed() { return nullptr; }
  virtual const RoutedLayer* as_routed() const { return nullptr; }

 protected:
  /// A new parameter of this module; the name becomes part of its full name. Throws ConfigError if the name is taken.
  Variable add_parameter(const std::string& name, Tensor value, FileLayout layout = FileLayout::as_is);
  /// A new buffer; only persistent ones are part of state dictionaries.
  Variable add_buffer(const std::string& name, Tensor value, bool persistent);
  /// Registers a member (or an owned object) as submodule.
  void add_module(const std::string& name, Module& module);

 private:
  struct Buffer {
    NamedVariable named;
    bool persistent;
  };
  void set_training(bool training);
  void set_name(std::string name);
  void require_new_name(const std::string& name) const;
  template <class Visit>
  void visit(const std::string& prefix, const Visit& visit_module) const;
  std::vector<NamedVariable> state() const;

  std::vector<NamedVariable> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<std::pair<std::string, Module*>> modules_;
  std::string name_;
  bool training_ = true;
};

/// A module with one input and one output.
class Layer : public Module {
 public:
  /// y from x; shapes and errors are the layer's.
  virtual Variable forward(const Variable& x) const = 0;
  Variable operator()(const Variable& x) const { return forward(x); }

  /// A weight matrix that reads the layer's input, x W^T, with W's last axis along the inputs and its bias.
  struct InputWeights {
    std::string weight;
    std::string bias;
  };
  /// Names of the parameters that read the input directly; `save` folds a data set's centring into them.
  virtual std::vector<InputWeights> input_weights() const { return {}; }
  /// What a checkpoint must say to rebuild the layer: "architecture", "depth", "activation", ...
  virtual std::map<std::string, std::string> architecture() const { return {}; }
};

}  // namespace canopy::nn
