#include <canopy/autograd/tape.hpp>

#include <algorithm>
#include <iostream>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/threads.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

std::atomic<std::uint64_t> tapes_made{0};

}  // namespace

struct detail::Recording {
  Tape* innermost = nullptr;
  int pauses = 0;
};

namespace {

const std::shared_ptr<detail::Recording>& this_thread() {
  static thread_local const auto recording = std::make_shared<detail::Recording>();
  return recording;
}

}  // namespace

Tape::Tape(const TapeOptions& options) : Tape(Purpose::gradients, options) {}

Tape::Tape(Purpose purpose, const TapeOptions& options)
    : purpose_(purpose),
      inspect_(options.inspect),
      id_(++tapes_made),
      thread_(this_thread()),
      outer_(thread_->innermost),
      pauses_before_(outer_ == nullptr ? 0 : thread_->pauses) {
  if (outer_ != nullptr && purpose == Purpose::gradients && !outer_->walking_) {
    throw TapeError("a tape of this thread is alive already: tapes nest only inside the closure of an operation");
  }
  thread_->innermost = this;
}

Tape::~Tape() {
  Tape** link = &thread_->innermost;
  while (*link != this) link = &(*link)->outer_;
  *link = outer_;
}

NoRecord::NoRecord() : thread_(this_thread()) { ++thread_->pauses; }
NoRecord::~NoRecord() { --thread_->pauses; }
int NoRecord::alive() { return this_thread()->pauses; }

Tape* Tape::recording() {
  const detail::Recording& thread = *this_thread();
  Tape* const tape = thread.innermost;
  return tape == nullptr || tape->done_ || thread.pauses > tape->pauses_before_ ? nullptr : tape;
}

bool is_recording() { return Tape::recording() != nullptr; }

// A tape inside another's closure leads on to what the other one has still to walk.
bool Tape::reaches(const detail::GradientSlot& slot) const {
  if (slot.tape == 0 || slot.tape == id_) return true;
  for (const Tape* tape = outer_; tape != nullptr; tape = tape->outer_) {
    if (slot.tape == tape->id_) return slot.index < static_cast<std::int64_t>(tape->ways_.size());
  }
  return false;
}

bool Tape::wants(std::string_view name, std::span<const Variable> inputs) {
  bool wanted = false;
  for (const Variable& input : inputs) {
    if (!input.slot_) continue;
    wanted |= input.requires_grad();
    if (!reaches(*input.slot_)) {
      throw TapeError(
          fmt::format("{}: input {} was recorded on another tape (to carry a value over, pass x.value() instead of x)",
                      name, &input - inputs.data()));
    }
    if (purpose_ != Purpose::rehearsal || input.slot_->tape == id_) continue;
    const auto is_known = [&](const Variable& leaf) { return leaf.is_same(input); };
    if (std::ranges::none_of(leaves_, is_known)) leaves_.push_back(input);
  }
  return wanted;
}

Variable Tape::output(Tensor value, int number) {
  auto slot = std::make_shared<detail::GradientSlot>();
  slot->shape = value.shape();
  slot->tape = id_;
  slot->index = size();
  slot->output = number;
  return Variable(std::move(value), std::move(slot));
}

void Tape::append(std::string_view name, std::span<const Variable> inputs, std::span<const Variable> outputs,
                  Way&& way) {
  detail::Node& node = nodes_.emplace_back();
  node.name = name;
  node.output = outputs[0].slot_;
  for (const Variable& output : outputs.subspan(1)) node.more_outputs.push_back(output.slot_);
  node.inputs.reserve(inputs.size());
  for (const Variable& input : inputs) node.inputs.push_back({input.slot_, input.requires_grad()});
  if (inspect_) {
    for (const Variable& output : outputs) ranges_[output.slot_.get()].value = detail::range_of(output.value());
    for (const Variable& input : inputs) {
      if (!input.slot_ || ranges_.contains(input.slot_.get())) continue;
      ranges_[input.slot_.get()].value = detail::range_of(input.value());
    }
  }
  ways_.push_back(std::move(way));
}

Variable Tape::add(std::string_view name, std::span<const Variable> inputs, Tensor value, Kept kept,
                   Backward backward) {
  if (!wants(name, inputs)) return Variable(std::move(value));
  Variable result = output(std::move(value), 0);
  if (purpose_ == Purpose::gradients)
    append(name, inputs, {&result, 1}, {std::move(kept.versions_), std::move(backward)});
  return result;
}

std::vector<Variable> Tape::add(std::string_view name, std::span<const Variable> inputs, std::vector<Tensor> values,
                                Kept kept, BackwardOfSeveral backward) {
  const bool wanted = wants(name, inputs);
  std::vector<Variable> results;
  for (Tensor& value : values) {
    const auto number = static_cast<int>(results.size());
    results.push_back(wanted ? output(std::move(value), number) : Variable(std::move(value)));
  }
  if (!wanted || purpose_ == Purpose::rehearsal) return results;
  std::vector<std::shared_ptr<detail::GradientSlot>> slots;
  for (const Variable& result : results) slots.push_back(result.slot_);
  const auto take_all = [this, slots, backward = std::move(backward)](const Tensor&) {
    std::vector<std::optional<Tensor>> gradients;
    for (const auto& slot : slots) gradients.push_back(take_gradient(*slot));
    backward(gradients);
  };
  append(name, inputs, results, {std::move(kept.versions_), take_all, true});
  return results;
}

void Tape::backward(const Variable& loss) {
  if (thread_ != this_thread()) throw TapeError("backward: this tape records on another thread");
  if (done_) throw TapeError("backward: this tape has been walked already; make a new one for each step");
  if (!has_recorded(loss)) {
    throw TapeError("backward: the loss was not recorded on this tape (does it depend on a parameter?)");
  }
  if (loss.size() != 1) {
    throw ShapeError(fmt::format("backward: the loss must be one number, not {}", loss.shape().to_string()));
  }
  const FlushDenormals flush;
  loss.accumulate(Tensor(loss.shape(), 1.f));
  walk();
}

// The gradient that has come to an output, if any did.
std::optional<Tensor> Tape::take_gradient(detail::GradientSlot& slot) {
  if (!slot.has_grad) return std::nullopt;
  Tensor& gradient = slot.made_dense();
  if (inspect_) ranges_[&slot].gradient = detail::range_of(gradient);
  if (slot.retain_grad) return gradient;
  slot.has_grad = false;
  return std::exchange(gradient, Tensor());
}

void Tape::walk() {
  struct Walk {  // ends it, with all that is left to be freed, also when a closure throws
    explicit Walk(Tape& t) : tape(t) { tape.done_ = tape.walking_ = true; }
    ~Walk() {
      tape.walking_ = false;
      tape.ways_.clear();
      if (!tape.inspect_) tape.nodes_.clear();
    }
    Tape& tape;
  } const whole(*this);

  while (!ways_.empty()) {
    const Way way = std::move(ways_.back());
    ways_.pop_back();
    const detail::Node node = inspect_ ? nodes_[ways_.size()] : std::move(nodes_[ways_.size()]);
    if (!inspect_) nodes_.pop_back();
    const auto has_grad = [](const auto& slot) { return slot->has_grad; };
    if (!node.output->has_grad && std::ranges::none_of(node.more_outputs, has_grad)) continue;
    for (const Kept::Version& kept : way.kept) {
      if (kept.counter && kept.counter->load(std::memory_order_relaxed) != kept.seen) {
        throw TapeError(fmt::format("backward: {} needs an array that was overwritten after forward", node.name));
      }
    }
    const Tensor dy = way.takes_gradients ? Tensor() : *take_gradient(*node.output);
    const detail::RunningClosure running(node.inputs);
    try {
      way.backward(dy);
    } catch (const ShapeError& error) {
      throw ShapeError(fmt::format("backward of {}: {}", node.name, error.what()));
    }
  }
}

void Tape::print(std::ostream& out) const { detail::print(out, nodes_, ranges_); }
void Tape::print() const { print(std::cout); }
std::string Tape::dot() const { return detail::dot(nodes_, ranges_); }

Variable record(std::string_view name, std::span<const Variable> inputs, Tensor value, Kept kept, Backward backward) {
  Tape* tape = Tape::recording();
  if (tape == nullptr) return Variable(std::move(value));
  return tape->add(name, inputs, std::move(value), std::move(kept), std::move(backward));
}

Variable record(std::string_view name, std::initializer_list<Variable> inputs, Tensor value, Kept kept,
                Backward backward) {
  return record(name, std::span(inputs.begin(), inputs.size()), std::move(value), std::move(kept), std::move(backward));
}

Variable record(std::string_view name, std::initializer_list<Variable> inputs, Tensor value, Backward backward) {
  Kept kept;
  if (is_recording()) {
    for (const Variable& input : inputs) kept.append(input.value());
  }
  return record(name, inputs, std::move(value), std::move(kept), std::move(backward));
}

}  // namespace canopy
