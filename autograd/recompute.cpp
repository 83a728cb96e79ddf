#include <canopy/autograd/recompute.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

namespace canopy {
namespace {

thread_local int recomputations = 0;

using Function = std::function<std::vector<Variable>(const std::vector<Variable>&)>;

// Shapes and bits of some arrays in one number, by sixteen sums side by side, so that it costs a pass over memory.
std::uint64_t fingerprint(std::span<const Variable> variables) {
  constexpr std::size_t lanes = 16;
  constexpr std::uint64_t prime = 0x100000001b3u;
  std::uint64_t result = 0xcbf29ce484222325u ^ variables.size();
  for (const Variable& variable : variables) {
    for (const std::int64_t extent : variable.shape()) result = (result ^ static_cast<std::uint64_t>(extent)) * prime;
    std::uint32_t sums[lanes] = {};
    const std::span<const float> elements = variable.value().elements();
    for (std::size_t i = 0; i < elements.size(); i += lanes) {
      const std::size_t n = std::min(lanes, elements.size() - i);
      for (std::size_t lane = 0; lane < n; ++lane) {
        sums[lane] = sums[lane] * 0x01000193u + std::bit_cast<std::uint32_t>(elements[i + lane]);
      }
    }
    for (const std::uint32_t sum : sums) result = (result ^ sum) * prime;
  }
  return result;
}

}  // namespace

// A function, what it was called with and what it drew: enough to call it again.
class Recomputation {
 public:
  static std::vector<Variable> record(const Function& function, const std::vector<Variable>& inputs) {
    Tape* tape = Tape::recording();
    if (tape == nullptr || tape->purpose_ == Tape::Purpose::rehearsal) return function(inputs);
    Recomputation again{function, inputs};
    std::vector<Variable> given = inputs;
    std::vector<Variable> outputs = again.rehearse(given);
    if (again.inner_.empty()) return outputs;

    Kept kept;
    for (const Variable& variable : given) kept.append(variable.value());
    std::vector<Tensor> values;
    for (const std::size_t i : again.inner_) values.push_back(outputs[i].value());
    const std::vector<Variable> recorded =
        tape->add("recompute", given, std::move(values), std::move(kept),
                  [again](std::span<const std::optional<Tensor>> gradients) { again.backward(gradients); });
    const std::vector<Variable> first = outputs;
    for (std::size_t i = 0; i < recorded.size(); ++i) {  // an output may be given twice
      for (std::size_t j = 0; j < outputs.size(); ++j) {
        if (first[j].is_same(first[again.inner_[i]])) outputs[j] = recorded[i];
      }
    }
    return outputs;
  }

 private:
  Recomputation(Function function, const std::vector<Variable>& inputs)
      : function_(std::move(function)), inputs_(inputs) {}

  // The first call. Leaves that are no inputs are appended to `given`.
  std::vector<Variable> rehearse(std::vector<Variable>& given) {
    Tape rehearsal(Tape::Purpose::rehearsal, {});
    const RandomNotes notes;
    std::vector<Variable> outputs = function_(inputs_);
    random_ = notes.positions();
    fingerprint_ = fingerprint(outputs);
    for (const Variable& leaf : rehearsal.leaves_) {
      if (!contains(inputs_, leaf)) given.push_back(leaf);
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::span before(outputs.data(), i);
      if (rehearsal.has_recorded(outputs[i]) && !contains(before, outputs[i])) inner_.push_back(i);
    }
    return outputs;
  }

  void backward(std::span<const std::optional<Tensor>> gradients) const {
    Tape tape;
    {
      const std::vector<Variable> outputs = repeat();
      for (std::size_t i = 0; i < inner_.size(); ++i) {
        if (gradients[i]) outputs[inner_[i]].accumulate(*gradients[i]);
      }
    }
    tape.walk();
  }

  std::vector<Variable> repeat() const {
    struct Counted {
      Counted() { ++recomputations; }
      ~Counted() { --recomputations; }
    } const counted;
    const RandomRewind rewind(random_);
    std::vector<Variable> outputs = function_(inputs_);
    if (fingerprint(outputs) == fingerprint_) return outputs;
    throw TapeError(
        "recompute: the function gave other outputs when it was called again: it must read the same arrays in the same "
        "mode, and draw from streams of random_stream() only");
  }

  static bool contains(std::span<const Variable> variables, const Variable& variable) {
    return std::ranges::any_of(variables, [&](const Variable& other) { return other.is_same(variable); });
  }

  Function function_;
  std::vector<Variable> inputs_;
  RandomPositions random_ = {};
  std::uint64_t fingerprint_ = 0;
  std::vector<std::size_t> inner_ = {};  // which outputs operations of the function made, each once
};

std::vector<Variable> recompute(const Function& function, const std::vector<Variable>& inputs) {
  return Recomputation::record(function, inputs);
}

Variable recompute(const std::function<Variable(const std::vector<Variable>&)>& function,
                   const std::vector<Variable>& inputs) {
  const Function several = [function](const std::vector<Variable>& given) { return std::vector{function(given)}; };
  return Recomputation::record(several, inputs)[0];
}

Variable recompute(const std::function<Variable(const Variable&)>& function, const Variable& x) {
  const Function several = [function](const std::vector<Variable>& given) { return std::vector{function(given[0])}; };
  return Recomputation::record(several, {x})[0];
}

bool is_recomputing() { return recomputations > 0; }

}  // namespace canopy
