// Uses core alone. Nothing that the libraries were built with may reach a consumer's compiler.
#include <canopy/core/array.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/threads.hpp>

#include <atomic>
#include <cstdio>

#if defined(XTENSOR_USE_XSIMD) || defined(_OPENMP) || (defined(__x86_64__) && defined(__AVX__))
#error "a flag of the libraries' own build leaks to their consumers"
#endif

int main() {
  std::atomic<std::int64_t> visited{0};
  canopy::parallel_for(1000, 10, [&](std::int64_t begin, std::int64_t end) { visited += end - begin; });
  bool caught = false;
  try {
    canopy::Tensor({2, 3}).reshape({7});
  } catch (const canopy::ShapeError& error) {
    caught = true;
    std::printf("caught: %s\n", error.what());
  }
  const bool right = visited == 1000 && caught;
  if (!right) std::fputs("expected 1000 visits and a ShapeError\n", stderr);
  return right ? 0 : 1;
}
