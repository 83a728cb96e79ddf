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

/// The kernels of OpenBLAS, as the variable OPENBLAS_CORETYPE names them, that would serve this processor better than
/// those that OpenBLAS chose when it was loaded; none where it chose well. For every processor newer than itself it
/// takes those of the oldest (Prescott): 4.7 times slower in a step of `bench tree-training`.
std::optional<std::string> better_blas_kernels();

/// Starts this program once more, with OPENBLAS_CORETYPE set, where there are better kernels and the variable says
/// nothing else: OpenBLAS reads it only when it is loaded. To be called before anything else is done; returns where
/// there is nothing to gain.
void restart_with_better_blas_kernels();

/// One line that every program prints on stderr when it starts: version, SIMD set, BLAS, threads, and the seed or
/// seeds.
std::string banner(const std::string& seed);

}  // namespace canopy
