#include <canopy/autograd/graph.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <sstream>

#include <fmt/format.h>

namespace canopy::detail {
namespace {

std::string label(const std::shared_ptr<GradientSlot>& slot) {
  if (!slot) return "constant";
  if (slot->tape == 0) return slot->name.empty() ? "parameter" : slot->name;
  return slot->output == 0 ? fmt::format("%{}", slot->index) : fmt::format("%{}.{}", slot->index, slot->output);
}

std::string to_string(const Range& range) {
  const std::string bounds = range.empty ? "none" : fmt::format("{:.4g} .. {:.4g}", range.least, range.largest);
  return range.nans == 0 ? bounds : fmt::format("{}, {} nan", bounds, range.nans);
}

// What is known of the numbers of a slot: nothing unless the tape inspects them.
std::vector<std::string> details(const GradientSlot& slot, const RangesBySlot& ranges) {
  std::vector<std::string> lines;
  const auto known = ranges.find(&slot);
  if (known == ranges.end()) return lines;
  lines.push_back("value " + to_string(known->second.value));
  std::optional<Range> gradient = known->second.gradient;
  if (slot.tape == 0 && slot.has_grad) gradient = range_of(slot.row_grad ? slot.row_grad->values : slot.grad);
  if (gradient) lines.push_back("gradient " + to_string(*gradient));
  return lines;
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

Range range_of(const Tensor& numbers) {
  Range range;
  for (const float v : numbers.elements()) {
    if (std::isnan(v)) {
      ++range.nans;
      continue;
    }
    range.least = range.empty ? v : std::min(range.least, v);
    range.largest = range.empty ? v : std::max(range.largest, v);
    range.empty = false;
  }
  return range;
}

void print(std::ostream& out, std::span<const Node> nodes, const RangesBySlot& ranges) {
  const auto shape = [&](const GradientSlot& slot) {
    std::string text = slot.shape.to_string();
    for (const std::string& line : details(slot, ranges)) text += "  " + line;
    return text;
  };
  for (const Node& node : nodes) {
    out << label(node.output);
    for (const auto& output : node.more_outputs) out << ", " << label(output);
    out << " = " << node.name << '(';
    for (std::size_t i = 0; i < node.inputs.size(); ++i) out << (i ? ", " : "") << label(node.inputs[i].slot);
    out << ")  " << shape(*node.output);
    for (const auto& output : node.more_outputs) out << ", " << shape(*output);
    out << '\n';
  }
}

std::string dot(std::span<const Node> nodes, const RangesBySlot& ranges) {
  std::ostringstream out;
  out << "digraph tape {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n";
  const auto describe = [&](const GradientSlot& slot) {
    std::string text = slot.shape.to_string();
    for (const std::string& line : details(slot, ranges)) text.append("\n").append(line);
    return text;
  };
  // By identity: two parameters without a name, or of the same, are two nodes.
  std::map<const GradientSlot*, std::size_t> leaves;
  const auto identifier = [&](const std::shared_ptr<GradientSlot>& slot) {
    if (slot->tape != 0) return fmt::format("n{}", slot->index);
    const auto [leaf, is_new] = leaves.emplace(slot.get(), leaves.size());
    std::string id = fmt::format("p{}", leaf->second);
    if (is_new)
      out << fmt::format("  {} [label={}];\n", id, quoted(fmt::format("{}\n{}", label(slot), describe(*slot))));
    return id;
  };
  for (const Node& node : nodes) {
    const std::string id = identifier(node.output);
    std::string text = fmt::format("{} {}\n{}", label(node.output), node.name, describe(*node.output));
    for (const auto& output : node.more_outputs) {
      text += fmt::format("\n{}\n{}", label(output), describe(*output));
    }
    out << fmt::format("  {} [shape=box, label={}];\n", id, quoted(text));
    for (const Input& input : node.inputs) {
      if (input.slot) out << fmt::format("  {} -> {};\n", identifier(input.slot), id);
    }
  }
  out << "}\n";
  return out.str();
}

}  // namespace canopy::detail
