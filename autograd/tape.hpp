// The tape: a linear list of what was computed, walked backwards once.
//
//   Tape tape;                                  // records on this thread until it dies
//   Variable loss = cross_entropy(model(x), labels);
//   tape.backward(loss);                        // gradients of the parameters
//
// Outside a tape nothing is recorded, so inference needs no guard.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// Receives the gradient of an operation's output (of the output's shape) and accumulates into its inputs' sinks.
using Backward = std::function<void(const Tensor& dy)>;

/// The arrays that a closure keeps for backward, with their versions at the time of `record`.
class Kept {
 public:
  template <class T>
  void append(const Array<T>& array) {
    versions_.push_back({array.version_counter(), array.version()});
  }

 private:
  friend class Tape;
  struct Version {
    std::shared_ptr<const std::atomic<std::uint64_t>> counter;
    std::uint64_t seen;
  };
  std::vector<Version> versions_;
};

/// `keep(x, labels)`: exactly these arrays; `keep()`: none.
template <class... Arrays>
Kept keep(const Arrays&... arrays) {
  Kept kept;
  (kept.append(arrays), ...);
  return kept;
}

/// Records operations of this thread from its construction to backward() or its end. First-order gradients only.
class Tape {
 public:
  /// Throws TapeError if another tape of this thread is alive.
  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// Gradients of `loss`, a single number, for every parameter it depends on; frees each record as it goes and stops
  /// recording. Throws TapeError if called twice, if `loss` was not recorded here, or, naming the operation, if an
  /// array that an operation kept was written since. After an exception, whether from here or from an operation, the
  /// tape is walked too and gradients of parameters are incomplete: call zero_grad() before the next step.
  void backward(const Variable& loss);

  /// Number of operations recorded.
  std::int64_t size() const { return static_cast<std::int64_t>(records_.size()); }
  /// One line an operation: "%2 = linear(%0, weight, bias)  [256, 10]".
  void print(std::ostream& out) const;
  void print() const;  ///< to standard output
  /// The graph in Graphviz's language: `dot -Tsvg`.
  std::string dot() const;

 private:
  friend bool is_recording();
  friend Variable record(std::string_view, std::span<const Variable>, Tensor, Kept, Backward);
  struct Record {
    std::string_view name;
    std::shared_ptr<detail::GradientSlot> output;
    std::vector<std::shared_ptr<detail::GradientSlot>> inputs;  // null for constants
    std::vector<Kept::Version> kept;
    Backward backward;
  };
  Variable add(std::string_view name, std::span<const Variable> inputs, Tensor value, Kept kept, Backward backward);

  std::vector<Record> records_;
  std::uint64_t id_;
  bool done_ = false;
};

/// Pauses recording on this thread for its own lifetime.
class NoRecord {
 public:
  NoRecord();
  ~NoRecord();
  NoRecord(const NoRecord&) = delete;
  NoRecord& operator=(const NoRecord&) = delete;
};

/// Whether operations on this thread are being recorded: a tape is alive, not yet walked, and not paused.
bool is_recording();

/// The result of an operation: `value`, and on a recording tape, where an input needs it, the way back. `name` must
/// outlive the tape (a string literal). `kept` lists the arrays that `backward` holds; without it the values of all
/// inputs are assumed. Throws TapeError if an input was recorded on another tape.
Variable record(std::string_view name, std::span<const Variable> inputs, Tensor value, Kept kept, Backward backward);
Variable record(std::string_view name, std::initializer_list<Variable> inputs, Tensor value, Kept kept,
                Backward backward);
Variable record(std::string_view name, std::initializer_list<Variable> inputs, Tensor value, Backward backward);

}  // namespace canopy
