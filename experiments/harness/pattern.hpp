// Names chosen by shell patterns: `*`, `?`, `[abc]`; `*` also crosses `/`.
#pragma once

#include <string>

#include <fnmatch.h>

namespace canopy::harness {

inline bool matches(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

}  // namespace canopy::harness
