// What a checkpoint stores beside parameters: of an optimizer, of whatever waits and counts.
#pragma once

#include <map>
#include <string>

#include <canopy/core/array.hpp>

namespace canopy {

/// Arrays by name. Whatever counts is an integer, since floats stop counting at 2^24.
struct State {
  std::map<std::string, Tensor> tensors = {};
  std::map<std::string, Indices> counts = {};
};

}  // namespace canopy
