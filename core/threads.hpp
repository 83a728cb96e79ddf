// One thread count for everything, and the one loop that uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace canopy {

/// Processors this process may run on.
int hardware_threads();

/// The number of threads that `parallel_for` uses; `hardware_threads()` unless a ThreadGuard says otherwise. Always 1
/// in a child that fork() made after the parent had used several: the child has none of them, and OpenMP would wait for
/// them for ever.
int threads();

/// Sets the process's thread count for its own lifetime. Throws ConfigError for a count below 1.
class ThreadGuard {
 public:
  explicit ThreadGuard(int count);
  ~ThreadGuard();
  ThreadGuard(const ThreadGuard&) = delete;
  ThreadGuard& operator=(const ThreadGuard&) = delete;

 private:
  int before_;
};

/// Makes `parallel_for` serial on this thread for its own lifetime: for a thread that works beside the others.
class SerialGuard {
 public:
  SerialGuard();
  ~SerialGuard();
  SerialGuard(const SerialGuard&) = delete;
  SerialGuard& operator=(const SerialGuard&) = delete;

 private:
  bool before_;
};

/// Makes this thread treat denormal numbers as zero for its own lifetime: hardened trees produce tiny probabilities,
/// and denormals are slow. `parallel_for` and `Tape::backward` do so and leave the caller's thread as it was.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  std::uint64_t before_;  // of the bits that this sets
};

namespace detail {
/// A non-owning reference to a callable `void(begin, end)`: `parallel_for` compiles once and allocates nothing.
class RangeBody {
 public:
  template <class F>
  explicit RangeBody(F& f)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, std::int64_t begin, std::int64_t end) { (*static_cast<F*>(object))(begin, end); }) {}
  void operator()(std::int64_t begin, std::int64_t end) const { call_(object_, begin, end); }

 private:
  void* object_;
  void (*call_)(void*, std::int64_t, std::int64_t);
};
void parallel_for(std::int64_t n, std::int64_t grain, RangeBody body);
}  // namespace detail

/// Calls `body(begin, end)` on ranges that cover [0, n). Every range begins at a multiple of `grain`, so that a body
/// that works in blocks of `grain` sees the same blocks for any number of threads. Serial when nested or when n <=
/// grain. The first exception is rethrown after all threads have finished.
template <class Body>
void parallel_for(std::int64_t n, std::int64_t grain, Body&& body) {
  detail::parallel_for(n, grain, detail::RangeBody(body));
}

}  // namespace canopy
