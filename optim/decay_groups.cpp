#include <canopy/optim/decay_groups.hpp>

#include <algorithm>

namespace canopy::optim {
namespace {

bool decays(const Variable& parameter, const std::vector<std::string>& exempt) {
  if (exempt.empty()) return parameter.shape().rank() >= 2;
  return std::ranges::none_of(
      exempt, [&](const std::string& part) { return parameter.name().find(part) != std::string::npos; });
}

}  // namespace

std::vector<ParameterGroup> decay_groups(const std::vector<Variable>& parameters, const DecayOptions& options) {
  ParameterGroup decayed{.parameters = {}, .weight_decay = options.weight_decay};
  ParameterGroup exempt{.parameters = {}, .weight_decay = 0};
  for (const Variable& parameter : parameters) {
    (decays(parameter, options.exempt) ? decayed : exempt).parameters.push_back(parameter);
  }
  std::vector<ParameterGroup> groups{std::move(decayed), std::move(exempt)};
  std::erase_if(groups, [](const ParameterGroup& group) { return group.parameters.empty(); });
  return groups;
}

}  // namespace canopy::optim
