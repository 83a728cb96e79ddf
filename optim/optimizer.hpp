// What every optimizer shares: parameter groups, the learning rate, the state that a checkpoint stores.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy::optim {

/// Parameters with settings of their own; what is left out is taken from the optimizer's options.
struct ParameterGroup {
  std::vector<Variable> parameters;
  std::optional<double> learning_rate{};
  std::optional<double> weight_decay{};
};

/// Updates parameters from their gradients, one pass over each. The optimizer holds handles: `step()` writes the values
/// that the model sees.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter that has a gradient; the others, and their state, stay as they are.
  void step();
  void zero_grad();

  double learning_rate() const { return learning_rate_; }
  /// Groups with a learning rate of their own change in proportion. Throws ConfigError unless it is finite and >= 0.
  void set_learning_rate(double rate);

  /// Copies of all that the next step depends on except parameters and learning rate (which belongs to its schedule):
  /// "<parameter>.step" [1] and the optimizer's buffers, such as "<parameter>.exp_avg", for every parameter that was
  /// updated. A parameter is called by its name, or by its number where it has none of its own.
  std::map<std::string, Tensor> state() const;
  /// The inverse, for an optimizer of the same parameters. Throws CheckpointError, and changes nothing, if a tensor is
  /// unknown, missing or of another shape.
  void load_state(const std::map<std::string, Tensor>& state);

 protected:
  struct Entry {
    Variable parameter;
    std::string key;
    double rate_ratio;  // of its group's learning rate to the optimizer's
    double weight_decay;
    std::int64_t steps = 0;
    std::vector<Tensor> buffers;  // as buffer_names(); empty until the first step
  };

  /// `name` is used in messages. Throws ConfigError for invalid settings, for a variable that is no parameter and for
  /// one that is given twice.
  Optimizer(std::string_view name, const std::vector<ParameterGroup>& groups, double learning_rate, double weight_decay,
            std::vector<std::string> buffer_names);

  /// One step of a parameter that has a gradient; `steps` counts it already. Buffers are zero at the first.
  virtual void update(Entry& entry, double learning_rate) = 0;

  /// Throws ConfigError naming option and value unless `valid`.
  void require(bool valid, std::string_view option, double value, std::string_view expected) const;

 private:
  std::string name_;
  double learning_rate_;
  std::vector<std::string> buffer_names_;
  std::vector<Entry> entries_;
};

}  // namespace canopy::optim
