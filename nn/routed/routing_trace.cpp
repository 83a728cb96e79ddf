#include <canopy/nn/routed/routing_trace.hpp>

#include <algorithm>
#include <utility>

#include <canopy/autograd/decision_path.hpp>
#include <canopy/autograd/recompute.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::nn {
namespace {

thread_local RoutingTrace* innermost = nullptr;

Indices column(const Indices& x) { return x.reshape({x.size(), 1}); }

Indices chosen_of(const TreeDecisions& tree) {
  return column(tree.leaf ? *tree.leaf : decision_path(Variable(tree.logits.value()), tree.depth).leaf);
}
Indices chosen_of(const PathDecisions& path) { return column(path.leaf); }
Indices chosen_of(const GateDecisions& gates) { return gates.chosen; }
Indices chosen_of(const ChosenBranches& branches) { return branches.chosen; }
// From [trees, rows] to [rows, trees], where tree t has the branches from t 2^depth on.
Indices chosen_of(const ForestDecisions& forest) {
  const std::int64_t trees = forest.bottom.extent(0), rows = forest.bottom.extent(1);
  Indices chosen({rows, trees});
  std::int32_t* out = chosen.mutable_data();
  for (std::int64_t t = 0; t < trees; ++t) {
    for (std::int64_t r = 0; r < rows; ++r) {
      out[r * trees + t] = static_cast<std::int32_t>(t << forest.depth) + forest.bottom.data()[t * rows + r];
    }
  }
  return chosen;
}

std::int64_t rows_of(const TreeDecisions& tree) { return tree.logits.extent(0); }
std::int64_t rows_of(const PathDecisions& path) { return path.leaf.size(); }
std::int64_t rows_of(const ForestDecisions& forest) { return forest.bottom.extent(1); }
std::int64_t rows_of(const GateDecisions& gates) { return gates.chosen.extent(0); }
std::int64_t rows_of(const ChosenBranches& branches) { return branches.chosen.extent(0); }

}  // namespace

std::int64_t RoutingDecision::rows() const {
  return std::visit([](const auto& decisions) { return rows_of(decisions); }, how);
}

Indices RoutingDecision::chosen() const {
  return std::visit([](const auto& decisions) { return chosen_of(decisions); }, how);
}

RoutingTrace::RoutingTrace(const RoutingTraceOptions& options)
    : options_(options),
      recomputing_(is_recomputing()),
      pauses_(NoRecord::alive()),
      outer_(std::exchange(innermost, this)) {}

// Taken out of the chain wherever it is: one that was not the innermost must not be collected to again.
RoutingTrace::~RoutingTrace() {
  if (innermost == this) {
    innermost = outer_;
    return;
  }
  for (RoutingTrace* trace = innermost; trace != nullptr; trace = trace->outer_) {
    if (trace->outer_ == this) trace->outer_ = outer_;
  }
}

RoutingTrace* RoutingTrace::live() {
  if (innermost == nullptr || NoRecord::alive() > innermost->pauses_) return nullptr;
  const bool collected = is_recomputing() && !innermost->recomputing_;
  return collected ? nullptr : innermost;
}

void RoutingTrace::add(const RoutedLayer& layer, const Variable& x, Decisions how) {
  decisions_.push_back({&layer, std::move(how), options_.inputs ? x.value() : Tensor()});
}

const RoutingDecision& RoutingTrace::at(const RoutedLayer& layer) const {
  for (auto decision = decisions_.rbegin(); decision != decisions_.rend(); ++decision) {
    if (decision->layer == &layer) return *decision;
  }
  throw Error(fmt::format("routing trace: the layer \"{}\" has decided nothing yet", layer.name()));
}

const RoutingDecision& RoutingTrace::at(const std::string& layer) const {
  for (auto decision = decisions_.rbegin(); decision != decisions_.rend(); ++decision) {
    if (decision->layer->name() == layer) return *decision;
  }
  std::vector<std::string> known;
  for (const RoutingDecision& decision : decisions_) {
    std::string name = fmt::format("\"{}\"", decision.layer->name());
    if (std::ranges::find(known, name) == known.end()) known.push_back(std::move(name));
  }
  throw Error(fmt::format("routing trace: no layer \"{}\" decided anything; those that did: {}", layer,
                          known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
}

}  // namespace canopy::nn
