// Compares gradients of the tape with central differences.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy {

struct GradcheckOptions {
  float step = 1e-2f;                ///< of the central difference; float32 wants a large one
  float relative_tolerance = 2e-2f;  ///< of the largest gradient of the same input
  float absolute_tolerance = 1e-4f;
};

struct GradcheckResult {
  bool passed = true;
  float worst = 0.f;    ///< largest |tape - difference| relative to the largest gradient of its input
  std::string message;  ///< names input, element and both values of the worst disagreement
};

/// Checks d(sum(c * f()))/d(input) for every element of every input, with c fixed pseudo-random numbers so that no
/// direction is special. `f` reads the given inputs (parameters) and returns one variable of any shape; it must be
/// deterministic and smooth near the inputs.
GradcheckResult gradcheck(const std::function<Variable()>& f, std::vector<Variable> inputs,
                          const GradcheckOptions& options = {});

}  // namespace canopy
