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
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/autograd/graph.hpp>
#include <canopy/autograd/variable.hpp>

namespace canopy {

namespace detail {
struct Recording;  // what a thread records on
}

/// Receives the gradient of an operation's output (of the output's shape) and accumulates into its inputs' sinks.
using Backward = std::function<void(const Tensor& dy)>;

/// The arrays that a closure keeps for backward, with their versions at the time of `record`. A pointer of
/// `mutable_data()` that was taken before and is written through afterwards changes no version: take a new one then.
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

struct TapeOptions {
  /// Keeps the graph after backward, and the ranges of all values and gradients, for print() and dot() to show. Costs a
  /// pass over every array.
  bool inspect = false;
};

/// Records operations of this thread from its construction to backward() or its end. First-order gradients only.
class Tape {
 public:
  /// Throws TapeError if another tape of this thread is alive, unless this is inside the closure of an operation that
  /// the other one's backward() runs: there a tape may record and walk what only gradients need (see recompute()), with
  /// what the other one recorded before that operation as its leaves.
  explicit Tape(const TapeOptions& options = {});
  /// On any thread: the one that the tape recorded on can make another.
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// Gradients of `loss`, a single number, for every parameter it depends on; frees each record as it goes and stops
  /// recording. Throws TapeError if called twice or on another thread than the tape's, if `loss` was not recorded here,
  /// or, naming the operation, if an array that an operation kept was opened for writing since (Array::mutable_data).
  /// After an exception, whether from here or from an operation, the tape is walked too and gradients of parameters are
  /// incomplete: call zero_grad() before the next step.
  void backward(const Variable& loss);

  /// Number of operations recorded and not yet walked; all that were recorded where the tape inspects.
  std::int64_t size() const { return static_cast<std::int64_t>(nodes_.size()); }
  /// One line an operation: "%2 = linear(%0, weight, bias)  [256, 10]", and where the tape inspects, what its numbers
  /// are: "value -3.2 .. 4.1  gradient -0.02 .. 0.03".
  void print(std::ostream& out) const;
  void print() const;  ///< to standard output
  /// The same as a graph in Graphviz's language: `dot -Tsvg`.
  std::string dot() const;

 private:
  friend bool is_recording();
  friend Variable record(std::string_view, std::span<const Variable>, Tensor, Kept, Backward);
  friend class Recomputation;

  struct Way {  // back through an operation
    std::vector<Kept::Version> kept;
    Backward backward;
    bool takes_gradients = false;  // backward takes those of the outputs by itself
  };
  enum class Purpose {
    gradients,
    rehearsal  // operations take the way that they take when they are recorded, but nothing is kept
  };
  Tape(Purpose purpose, const TapeOptions& options);

  static Tape* recording();  // the one that operations of this thread are recorded on, if any
  bool has_recorded(const Variable& variable) const { return variable.slot_ && variable.slot_->tape == id_; }
  Variable add(std::string_view name, std::span<const Variable> inputs, Tensor value, Kept kept, Backward backward);
  /// The same for an operation with several outputs. `backward` gets their gradients; those that nothing came to are
  /// not there.
  using BackwardOfSeveral = std::function<void(std::span<const std::optional<Tensor>>)>;
  std::vector<Variable> add(std::string_view name, std::span<const Variable> inputs, std::vector<Tensor> values,
                            Kept kept, BackwardOfSeveral backward);
  bool wants(std::string_view name, std::span<const Variable> inputs);
  bool reaches(const detail::GradientSlot& slot) const;
  Variable output(Tensor value, int number);
  void append(std::string_view name, std::span<const Variable> inputs, std::span<const Variable> outputs, Way&& way);
  void walk();
  std::optional<Tensor> take_gradient(detail::GradientSlot& slot);

  const Purpose purpose_;
  const bool inspect_;
  const std::uint64_t id_;
  const std::shared_ptr<detail::Recording> thread_;  // shared with the thread, which may end before the tape
  Tape* outer_;                                      // the tape of the thread that this one stands inside of
  const int pauses_before_;                          // in a closure: they paused the outer tape alone
  bool done_ = false;                                // recording has ended
  bool walking_ = false;                             // a closure may be running
  std::vector<detail::Node> nodes_;
  std::vector<Way> ways_;         // of the nodes that have not been walked
  detail::RangesBySlot ranges_;   // where the tape inspects
  std::vector<Variable> leaves_;  // of a rehearsal: what operations were given from outside
};

/// Pauses recording on this thread for its own lifetime.
class NoRecord {
 public:
  NoRecord();
  ~NoRecord();
  NoRecord(const NoRecord&) = delete;
  NoRecord& operator=(const NoRecord&) = delete;

  /// How many of them are alive on this thread.
  static int alive();

 private:
  const std::shared_ptr<detail::Recording> thread_;
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
