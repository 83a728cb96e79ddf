// Compares gradients of the tape with central differences, element by element.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// The same function in double: from the elements of the inputs, in the order of gradcheck's, to those of the result.
using GradcheckTwin = std::function<std::vector<double>(const std::vector<std::vector<double>>& inputs)>;

struct GradcheckOptions {
  /// How far from an element x the function is looked at, in units of max(1, |x|). Down to 1/1024 of it where less
  /// tells more: near kinks, in strong curvature. An element needs no distance from a kink but that.
  float reach = 0.25f;
  float relative_tolerance = 1e-4f;  ///< of the element's own gradient
  float absolute_tolerance = 1e-6f;
  /// Where the differences are taken from, if there is one: they are then exact beside a float.
  GradcheckTwin twin = {};
};

struct GradcheckResult {
  bool passed = true;
  double worst = 0;     ///< the largest |tape - difference| in units of what is allowed; at most 1 if passed
  std::string message;  ///< names input and element of the worst disagreement, both values and how certain they are
};

/// Checks d(sum(c * f()))/d(input) for every element of every input, with c fixed pseudo-random numbers so that no
/// direction is special. `f` reads the given inputs (parameters) and returns one variable of any shape; it must be
/// deterministic and smooth near the inputs.
///
/// Central differences at eight distances are extrapolated to distance 0 (Richardson). How they scatter about the fit,
/// there and at shorter distances, measures how far truncation and rounding have made the slope uncertain; the
/// distances where that is least are taken. Allowed for each element are the tolerances and that uncertainty, which for
/// a smooth float function of size 1 is some 1e-6. Beyond 1 % of the largest gradient of the input and a hundred times
/// what rounding explains it is not believed: the element fails, because the function is not smooth there.
///
/// Seen: any gradient that is wrong, missing, of the wrong sign or not finite in a single element, by more than that.
/// Not seen: errors below the tolerances; gradients below the rounding of f's result over the reach, such as 1e-6 in a
/// sum of 100; what happens at other inputs, kinks and ties among them; decisions that have a gradient by convention
/// (straight-through). A kink nearer than 1/8 of the distances taken may fail what is right. Values are not checked.
GradcheckResult gradcheck(const std::function<Variable()>& f, std::vector<Variable> inputs,
                          const GradcheckOptions& options = {});

}  // namespace canopy
