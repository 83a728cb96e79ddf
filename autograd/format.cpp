#include <canopy/autograd/format.hpp>

#include <ostream>

namespace canopy {

std::string to_string(const Variable& variable) {
  if (!variable.is_defined()) return "Variable()";
  constexpr std::string_view kind = "Variable(";
  std::string text(kind);
  text += elements_to_string(variable.value(), static_cast<int>(kind.size()));
  if (variable.shape().rank() > 0) text += ", shape=" + variable.shape().to_string();
  if (!variable.name().empty()) text += ", name=" + variable.name();
  if (variable.requires_grad()) text += ", requires_grad=true";
  return text + ")";
}

std::ostream& operator<<(std::ostream& out, const Variable& variable) { return out << to_string(variable); }

}  // namespace canopy
