#include <canopy/experiments/harness/machine.hpp>

#include <unistd.h>

namespace canopy::harness {

double gigabytes_of_memory() {
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e9;
}

}  // namespace canopy::harness
