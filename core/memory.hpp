// The pooled allocator: a fresh 1 MiB buffer costs hundreds of microseconds of page faults, a pooled one about twenty.
#pragma once

#include <cstddef>

namespace canopy::memory {

/// Every block starts on a cache line, which is also the widest SIMD register.
inline constexpr std::size_t alignment = 64;

/// What the pool holds now and held at most since the start or the last `reset_peak()`, in bytes.
struct Counters {
  std::size_t live = 0;         ///< handed out and not yet returned (rounded up to size classes)
  std::size_t peak = 0;         ///< the largest value `live` has had
  std::size_t cached = 0;       ///< returned and kept for reuse
  std::size_t from_pool = 0;    ///< number of allocations served from the cache
  std::size_t from_system = 0;  ///< number of allocations that went to the system
};

/// Counters of the whole process.
Counters counters();
void reset_peak();

/// The bytes a request really takes: the next of eight size classes an octave, so that at most an eighth is waste.
std::size_t size_class(std::size_t bytes);

/// A block of at least `bytes`, aligned to `alignment`, its contents undefined. Thread-safe; any thread may free it.
/// Trims the pool and retries once before it throws std::bad_alloc.
void* allocate(std::size_t bytes);
/// Returns a block of `allocate(bytes)`. Blocks of 64 MiB and more go back to the system at once.
void deallocate(void* block, std::size_t bytes) noexcept;
/// Gives every cached block back to the system.
void trim() noexcept;

}  // namespace canopy::memory
