#include <canopy/autograd/tape.hpp>

#include <iostream>
#include <map>
#include <sstream>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/threads.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

thread_local Tape* live_tape = nullptr;
thread_local int pauses = 0;
std::atomic<std::uint64_t> tapes_made{0};

std::string label(const std::shared_ptr<detail::GradientSlot>& slot) {
  if (!slot) return "constant";
  if (slot->tape != 0) return fmt::format("%{}", slot->index);
  return slot->name.empty() ? "parameter" : slot->name;
}

// As a string of Graphviz's language.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result + '"';
}

}  // namespace

Tape::Tape() : id_(++tapes_made) {
  if (live_tape != nullptr) throw TapeError("a tape of this thread is alive already: tapes do not nest");
  flush_denormals();
  live_tape = this;
}

Tape::~Tape() { live_tape = nullptr; }

NoRecord::NoRecord() { ++pauses; }
NoRecord::~NoRecord() { --pauses; }

bool is_recording() { return live_tape != nullptr && pauses == 0 && !live_tape->done_; }

Variable Tape::add(std::string_view name, std::span<const Variable> inputs, Tensor value, Kept kept,
                   Backward backward) {
  bool wanted = false;
  for (const Variable& input : inputs) {
    if (!input.requires_grad()) continue;
    wanted = true;
    if (input.slot_->tape != 0 && input.slot_->tape != id_) {
      throw TapeError(
          fmt::format("{}: input {} was recorded on another tape (to carry a value over, pass x.value() instead of x)",
                      name, &input - inputs.data()));
    }
  }
  if (!wanted) return Variable(std::move(value));
  Record record{name, std::make_shared<detail::GradientSlot>(), {}, std::move(kept.versions_), std::move(backward)};
  record.output->shape = value.shape();
  record.output->tape = id_;
  record.output->index = size();
  record.inputs.reserve(inputs.size());
  for (const Variable& input : inputs) record.inputs.push_back(input.slot_);
  records_.push_back(std::move(record));
  return Variable(std::move(value), records_.back().output);
}

void Tape::backward(const Variable& loss) {
  if (done_) throw TapeError("backward: this tape has been walked already; make a new one for each step");
  if (!loss.slot_ || loss.slot_->tape != id_) {
    throw TapeError("backward: the loss was not recorded on this tape (does it depend on a parameter?)");
  }
  if (loss.size() != 1) {
    throw ShapeError(fmt::format("backward: the loss must be one number, not {}", loss.shape().to_string()));
  }
  done_ = true;
  std::vector<Record> records = std::move(records_);  // all are freed, also when a closure throws
  loss.accumulate(Tensor(loss.shape(), 1.f));
  while (!records.empty()) {
    const Record record = std::move(records.back());
    records.pop_back();
    if (!record.output->has_grad) continue;
    for (const Kept::Version& kept : record.kept) {
      if (kept.counter && kept.counter->load(std::memory_order_relaxed) != kept.seen) {
        throw TapeError(fmt::format("backward: {} needs an array that was overwritten after forward", record.name));
      }
    }
    const Tensor dy = std::exchange(record.output->dense(), Tensor());
    record.output->has_grad = false;
    try {
      record.backward(dy);
    } catch (const ShapeError& error) {
      throw ShapeError(fmt::format("backward of {}: {}", record.name, error.what()));
    }
  }
}

void Tape::print(std::ostream& out) const {
  for (const Record& record : records_) {
    out << label(record.output) << " = " << record.name << '(';
    for (std::size_t i = 0; i < record.inputs.size(); ++i) out << (i ? ", " : "") << label(record.inputs[i]);
    out << ")  " << record.output->shape.to_string() << '\n';
  }
}

void Tape::print() const { print(std::cout); }

std::string Tape::dot() const {
  std::ostringstream out;
  out << "digraph tape {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n";
  // By identity: two parameters without a name, or of the same, are two nodes.
  std::map<const detail::GradientSlot*, std::size_t> leaves;
  const auto node = [&](const std::shared_ptr<detail::GradientSlot>& slot) {
    if (slot->tape != 0) return fmt::format("n{}", slot->index);
    const auto [leaf, is_new] = leaves.emplace(slot.get(), leaves.size());
    const std::string id = fmt::format("p{}", leaf->second);
    if (is_new) out << fmt::format("  {} [label={}];\n", id, quoted(label(slot) + "\n" + slot->shape.to_string()));
    return id;
  };
  for (const Record& record : records_) {
    const std::string output = node(record.output);
    out << fmt::format(
        "  {} [shape=box, label={}];\n", output,
        quoted(fmt::format("{} {}\n{}", label(record.output), record.name, record.output->shape.to_string())));
    for (const auto& input : record.inputs) {
      if (input) out << fmt::format("  {} -> {};\n", node(input), output);
    }
  }
  out << "}\n";
  return out.str();
}

Variable record(std::string_view name, std::span<const Variable> inputs, Tensor value, Kept kept, Backward backward) {
  if (!is_recording()) return Variable(std::move(value));
  return live_tape->add(name, inputs, std::move(value), std::move(kept), std::move(backward));
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
