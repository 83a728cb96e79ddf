#include <canopy/core/threads.hpp>

#include <algorithm>
#include <atomic>
#include <exception>

#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <omp.h>
#include <pthread.h>
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

std::atomic<bool> had_several_threads = false;
std::atomic<bool> lost_them = false;
[[maybe_unused]] const int watches_forks =
    pthread_atfork(nullptr, nullptr, [] { lost_them = lost_them || had_several_threads; });

// The register that says what becomes of denormal numbers, and its bits for zero in place of them.
#ifdef __SSE2__
constexpr std::uint64_t flush_bits = 0x8040;  // results and operands
std::uint64_t floating_control() { return _mm_getcsr(); }
void set_floating_control(std::uint64_t control) { _mm_setcsr(static_cast<unsigned>(control)); }
#elif defined(__aarch64__)
constexpr std::uint64_t flush_bits = std::uint64_t{1} << 24;
std::uint64_t floating_control() {
  std::uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  return control;
}
void set_floating_control(std::uint64_t control) { asm volatile("msr fpcr, %0" : : "r"(control)); }
#else
constexpr std::uint64_t flush_bits = 0;
std::uint64_t floating_control() { return 0; }
void set_floating_control(std::uint64_t) {}
#endif

}  // namespace

int hardware_threads() { return std::max(1, omp_get_num_procs()); }

int threads() { return lost_them ? 1 : thread_count().load(std::memory_order_relaxed); }

ThreadGuard::ThreadGuard(int count) : before_(thread_count().load(std::memory_order_relaxed)) {
  if (count < 1) throw ConfigError(fmt::format("threads: at least 1 is needed, not {}", count));
  thread_count().store(count, std::memory_order_relaxed);
}

ThreadGuard::~ThreadGuard() { thread_count().store(before_, std::memory_order_relaxed); }

SerialGuard::SerialGuard() : before_(inside_parallel_for) { inside_parallel_for = true; }

SerialGuard::~SerialGuard() { inside_parallel_for = before_; }

FlushDenormals::FlushDenormals() : before_(floating_control() & flush_bits) {
  if (before_ != flush_bits) set_floating_control(floating_control() | flush_bits);
}

FlushDenormals::~FlushDenormals() {
  if (before_ != flush_bits) set_floating_control((floating_control() & ~flush_bits) | before_);
}

void detail::parallel_for(std::int64_t n, std::int64_t grain, RangeBody body) {
  if (n <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t blocks = (n - 1) / grain + 1;
  const int team = static_cast<int>(std::min<std::int64_t>(threads(), blocks));
  if (team <= 1 || inside_parallel_for || omp_in_parallel()) {
    const FlushDenormals flush;
    body(0, n);
    return;
  }
  std::exception_ptr first;
  had_several_threads = true;
#pragma omp parallel num_threads(team)
  {
    const FlushDenormals flush;
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
