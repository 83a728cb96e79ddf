// Variables as text: fmt::print("{}", loss) and std::cout << loss.
#pragma once

#include <iosfwd>
#include <string>

#include <canopy/autograd/variable.hpp>
#include <canopy/core/format.hpp>

namespace canopy {

/// The value as an array's, then the name and whether a gradient is wanted: "Variable(0.6931, requires_grad=true)",
/// "Variable([1., 2.], shape=[2], name=bias, requires_grad=true)"; "Variable()" if undefined.
std::string to_string(const Variable& variable);
std::ostream& operator<<(std::ostream& out, const Variable& variable);

}  // namespace canopy

template <>
struct fmt::formatter<canopy::Variable> : canopy::detail::Formatter {};
