#include <canopy/core/threads.hpp>

#include <algorithm>
#include <atomic>
#include <exception>

#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <omp.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace canopy {
namespace {

std::atomic<int>& thread_count() {
  static std::atomic<int> count{hardware_threads()};
  return count;
}

thread_local bool inside_parallel_for = false;

[[maybe_unused]] const bool flushed_when_loaded = (flush_denormals(), true);

}  // namespace

int hardware_threads() { return std::max(1, omp_get_num_procs()); }

int threads() { return thread_count().load(std::memory_order_relaxed); }

ThreadGuard::ThreadGuard(int count) : before_(threads()) {
  if (count < 1) throw ConfigError(fmt::format("threads: at least 1 is needed, not {}", count));
  thread_count().store(count, std::memory_order_relaxed);
}

ThreadGuard::~ThreadGuard() { thread_count().store(before_, std::memory_order_relaxed); }

SerialGuard::SerialGuard() : before_(inside_parallel_for) { inside_parallel_for = true; }

SerialGuard::~SerialGuard() { inside_parallel_for = before_; }

void flush_denormals() {
#ifdef __SSE2__
  constexpr unsigned flush_to_zero_and_denormals_are_zero = 0x8040;
  _mm_setcsr(_mm_getcsr() | flush_to_zero_and_denormals_are_zero);
#elif defined(__aarch64__)
  std::uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  asm volatile("msr fpcr, %0" : : "r"(control | (std::uint64_t{1} << 24)));
#endif
}

void detail::parallel_for(std::int64_t n, std::int64_t grain, RangeBody body) {
  if (n <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t blocks = (n - 1) / grain + 1;
  const int team = static_cast<int>(std::min<std::int64_t>(threads(), blocks));
  if (team <= 1 || inside_parallel_for || omp_in_parallel()) {
    body(0, n);
    return;
  }
  std::exception_ptr first;
#pragma omp parallel num_threads(team)
  {
    flush_denormals();
    inside_parallel_for = true;
    // The runtime may grant fewer threads than asked for: what it granted shares all blocks.
    const std::int64_t size = omp_get_num_threads();
    const std::int64_t rank = omp_get_thread_num();
    const std::int64_t begin = blocks * rank / size * grain;
    const std::int64_t end = std::min(n, blocks * (rank + 1) / size * grain);
    try {
      if (begin < end) body(begin, end);
    } catch (...) {
#pragma omp critical(canopy_parallel_for)
      if (!first) first = std::current_exception();
    }
    inside_parallel_for = false;
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace canopy
