// How much of a pair of texts a model can read.
#pragma once

#include <cstddef>
#include <utility>

namespace canopy::datasets {

/// What is left of `first` and `second` tokens so that together they are at most `most`: `longest_first`, by which the
/// shorter one stays whole while it fits into half, else both are cut to halves. An odd token goes to the longer one,
/// to the second where they are equal (as in the fast tokenizer; the Python one gives it to the first).
std::pair<std::size_t, std::size_t> truncated(std::size_t first, std::size_t second, std::size_t most);

}  // namespace canopy::datasets
