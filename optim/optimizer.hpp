// What every optimizer shares: parameter groups, the learning rate, the state that a checkpoint stores.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/autograd/variable.hpp>
#include <canopy/core/kernels/optimizer.hpp>
#include <canopy/optim/state.hpp>

namespace canopy::optim {

/// Localised optimisation (paper 1, Fast Feedforward Networks, on overfragmentation; the released LocalSGD and
/// LocalAdam): a row along the first axis of a parameter, that is a leaf or a node, waits until `size` samples have
/// used it, so that it steps with a batch of its own where hard decisions send it few samples at a time. Its gradients
/// are summed meanwhile. No paper reports results of it.
///
/// `usage` [rows] counts the samples since the last step, as nn::FFF's leaf_usage() or node_usage() does with
/// `FFFOptions::usage`; the optimizer shares the buffer, adds the counts to its own and sets them to 0. A step takes
/// the gradients, too: afterwards they are zero, whether their rows stepped or wait, and zero_grad() loses nothing.
struct LocalBatch {
  Tensor usage;
  double size = 0;  ///< above 0
};

/// Parameters with settings of their own; what is left out is taken from the optimizer's options.
struct ParameterGroup {
  std::vector<Variable> parameters;
  std::optional<double> learning_rate{};
  std::optional<double> weight_decay{};
  /// Rows step by their own usage, each as a parameter of its own: momentum, means and step count (Adam's t) are the
  /// row's, and a row that waits does not decay. All parameters need the extent of `usage` along their first axis.
  std::optional<LocalBatch> local_batch{};
};

/// Updates parameters from their gradients, one pass over each. The optimizer holds handles: `step()` writes the values
/// that the model sees.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter that has a gradient; the others, and their state, stay as they are. With a
  /// LocalBatch, of every row whose turn it is.
  void step();
  void zero_grad();

  double learning_rate() const { return learning_rate_; }
  /// Groups with a learning rate of their own change in proportion. Throws ConfigError unless it is finite and >= 0.
  void set_learning_rate(double rate);

  /// Copies of all that the next step depends on except parameters and learning rate (which belongs to its schedule):
  /// the count "<parameter>.step" [1] and the optimizer's buffers, such as "<parameter>.exp_avg", for every parameter
  /// that was updated; with a LocalBatch also what its rows wait with, "<parameter>.local_grad", ".local_usage" and the
  /// counts ".local_step". A parameter is called by its name, or by its number where it has none of its own.
  State state() const;
  /// The inverse, for an optimizer of the same parameters; an empty state is that of a new one. Counts stored as
  /// floats, as versions before 0.2 did, are taken. Throws CheckpointError, and changes nothing, if an entry is
  /// unknown, missing or of another shape.
  void load_state(const State& state);

 protected:
  /// What the rows of a parameter wait with.
  struct LocalRows {
    Tensor grad;    // of the parameter's shape: summed since the row's last step
    Tensor usage;   // [rows]: samples since then
    Indices steps;  // [rows]
  };

  struct Entry {
    Variable parameter;
    std::string key;
    double rate_ratio;  // of its group's learning rate to the optimizer's
    double weight_decay;
    std::optional<std::size_t> local_batch;  // number of its group's
    std::int32_t steps = 0;
    std::vector<Tensor> buffers;  // as buffer_names(); empty until the first step
    LocalRows rows = {};          // likewise
  };

  /// `name` is used in messages. Throws ConfigError for invalid settings, for a variable that is no parameter and for
  /// one that is given twice.
  /// `lazy_rows`: rows without a gradient stay as they are where the gradient is row-sparse.
  Optimizer(std::string_view name, const std::vector<ParameterGroup>& groups, double learning_rate, double weight_decay,
            bool lazy_rows, std::vector<std::string> buffer_names);

  /// Number `step`, from 1, of a parameter or of the rows that `gradient` names. Buffers are zero before the first.
  virtual void update(Entry& entry, const kernels::ParameterGradient& gradient, std::int64_t step,
                      double learning_rate) = 0;

  /// Throws ConfigError naming option and value unless `valid`.
  void require(bool valid, std::string_view option, double value, std::string_view expected) const;

 private:
  void require_rows(const Variable& parameter, const Tensor& usage) const;
  void start(Entry& entry) const;
  void step_rows(Entry& entry, const Tensor& counts);

  std::string name_;
  double learning_rate_;
  bool lazy_rows_;
  std::vector<LocalBatch> local_batches_;
  std::vector<std::string> buffer_names_;
  std::vector<Entry> entries_;
};

}  // namespace canopy::optim
