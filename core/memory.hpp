// The pooled allocator: a fresh 1 MiB buffer costs hundreds of microseconds of page faults, a pooled one about twenty.
#pragma once

#include <cstddef>
#include <optional>

namespace canopy::memory {

/// Every block starts on a cache line, which is also the widest SIMD register.
inline constexpr std::size_t alignment = 64;

/// What the pool holds now and held at most since the start or the last `reset_peak()`, in bytes.
struct Counters {
  std::size_t live = 0;         ///< asked for and not yet returned (rounded up to size classes)
  std::size_t peak = 0;         ///< the largest value `live` has had
  std::size_t cached = 0;       ///< returned and kept for reuse
  std::size_t held = 0;         ///< from the system: live, cached, and what blocks in use are larger than asked for
  std::size_t from_pool = 0;    ///< number of allocations served from the cache
  std::size_t from_system = 0;  ///< number of allocations that went to the system
};

/// Counters of the whole process.
Counters counters();
void reset_peak();

/// The most bytes that may be cached now. Unless set_cache_limit() said otherwise, what keeps `held` within 5/4 of the
/// most that was live at once since the last trim(): a training whose shapes repeat finds its blocks again, and one
/// whose shapes vary (padding to the longest of a batch) does not keep the blocks of every shape it has seen.
std::size_t cache_limit();
/// Sets the limit, 0 for no cache; without a number, goes back to the default. Beyond it the blocks that have been
/// cached longest go back to the system.
void set_cache_limit(std::optional<std::size_t> bytes);

/// The bytes a request really takes: the next of eight size classes an octave, so that at most an eighth is waste.
std::size_t size_class(std::size_t bytes);

/// Memory from the pool.
struct Block {
  void* data = nullptr;
  std::size_t size = 0;      ///< the size class of the request, which it counts as
  std::size_t capacity = 0;  ///< what it has: more than `size` where a larger cached block was taken
};

/// A block of at least `bytes`, aligned to `alignment`, its contents undefined: a cached one of less than twice the
/// size class, the smallest there is, or a fresh one. Thread-safe; any thread may free it. Trims the pool and retries
/// once before it throws std::bad_alloc.
Block allocate(std::size_t bytes);
/// Returns a block of `allocate`. Blocks of 64 MiB and more go back to the system at once.
void deallocate(const Block& block) noexcept;
/// Gives every cached block back to the system.
void trim() noexcept;

}  // namespace canopy::memory
