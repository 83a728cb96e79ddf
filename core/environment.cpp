#include <canopy/core/environment.hpp>

#include <fstream>

#include <canopy/core/threads.hpp>

#include <cblas.h>
#include <fmt/format.h>
#include <xsimd/xsimd.hpp>

namespace canopy {
namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

const Environment& environment() {
  static const Environment here = {.version = CANOPY_VERSION,
                                   .compiler = "GNU " __VERSION__,
                                   .cpu = cpu_model(),
                                   .simd = xsimd::default_arch::name(),
                                   .blas = openblas_get_config(),
                                   .cores = hardware_threads()};
  return here;
}

std::string banner(const std::string& seed) {
  const Environment& here = environment();
  return fmt::format("canopy {} | SIMD {} | {} | {} thread{} | seed {}", here.version, here.simd, here.blas, threads(),
                     threads() == 1 ? "" : "s", seed);
}

}  // namespace canopy
