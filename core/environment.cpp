#include <canopy/core/environment.hpp>

#include <cstdlib>
#include <fstream>
#include <string_view>
#include <vector>

#include <canopy/core/threads.hpp>

#include <cblas.h>
#include <fmt/format.h>
#include <unistd.h>
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

std::string compiler() {
#if defined(__clang__)
  return __VERSION__;  // begins with a name
#else
  return "GNU " __VERSION__;
#endif
}

}  // namespace

const Environment& environment() {
  static const Environment here = {.version = CANOPY_VERSION,
                                   .compiler = compiler(),
                                   .cpu = cpu_model(),
                                   .simd = xsimd::default_arch::name(),
                                   .blas = openblas_get_config(),
                                   .cores = hardware_threads()};
  return here;
}

std::optional<std::string> better_blas_kernels() {
#ifdef __x86_64__
  if (std::string_view(openblas_get_corename()) != "Prescott") return std::nullopt;
  if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
  if (__builtin_cpu_supports("avx")) return "Sandybridge";
#endif
  return std::nullopt;
}

void restart_with_better_blas_kernels() {
#ifdef __linux__
  const std::optional<std::string> kernels = better_blas_kernels();
  if (!kernels || std::getenv("OPENBLAS_CORETYPE") != nullptr) return;
  std::vector<std::string> words;
  std::ifstream line("/proc/self/cmdline", std::ios::binary);
  for (std::string word; std::getline(line, word, '\0');) words.push_back(word);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  setenv("OPENBLAS_CORETYPE", kernels->c_str(), 1);
  execv("/proc/self/exe", arguments.data());  // returns only where it fails: then the slow kernels have to do
  unsetenv("OPENBLAS_CORETYPE");
#endif
}

std::string banner(const std::string& seed) {
  const Environment& here = environment();
  return fmt::format("canopy {} | SIMD {} | {} | {} thread{} | seed {}", here.version, here.simd, here.blas, threads(),
                     threads() == 1 ? "" : "s", seed);
}

}  // namespace canopy
