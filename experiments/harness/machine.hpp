// What this machine has, for refusing work that no part of it can hold.
#pragma once

namespace canopy::harness {

/// Its memory, in 10^9 bytes.
double gigabytes_of_memory();

}  // namespace canopy::harness
