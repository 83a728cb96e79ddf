// What a measurement has to say about the machine and the build that made it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace canopy {

struct Environment {
  std::string version;   ///< of canopy, as the library was built
  std::string compiler;  ///< such as "GNU 12.2.0"
  std::string cpu;       ///< model name as the system gives it
  std::string simd;      ///< instruction set of the kernels, such as "avx512"
  std::string blas;      ///< such as "OpenBLAS 0.3.21 ... SkylakeX"
  int cores = 1;         ///< processors this process may run on
};

const Environment& environment();

/// One line that every program prints on stderr when it starts: version, SIMD set, BLAS, threads, and the seed or
/// seeds.
std::string banner(const std::string& seed);

}  // namespace canopy
