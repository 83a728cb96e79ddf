#include <canopy/core/memory.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <mutex>
#include <new>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace canopy::memory {
namespace {

constexpr std::size_t keep_below = std::size_t{64} << 20;
constexpr std::size_t classes_an_octave = 8;
constexpr std::size_t number_of_classes = classes_an_octave * 32;

// Classes within an octave [2^k, 2^(k+1)) lie 2^k / 8 apart; the smallest block is one cache line.
std::size_t class_index(std::size_t bytes) {
  if (bytes <= alignment * classes_an_octave) return (std::max<std::size_t>(bytes, 1) - 1) / alignment;
  const auto octave = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;
  const std::size_t step = (std::size_t{1} << octave) / classes_an_octave;
  const std::size_t within = (bytes - 1 - (std::size_t{1} << octave)) / step;
  return (octave - 9) * classes_an_octave + classes_an_octave + within;
}

struct Pool {
  std::mutex mutex;
  std::array<std::vector<void*>, number_of_classes> free;
  Counters counters;
};

// Never destroyed: arrays of static storage duration may be freed after every other destructor has run.
Pool& pool() {
  static Pool& instance = *new Pool;
  return instance;
}

// Tells the address sanitizer, if there is one, which bytes of a block of `size` belong to an array: the pool would
// hide from it reads and writes after the end or after the array's death.
void mark_used([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes, [[maybe_unused]] std::size_t size) {
#ifdef __SANITIZE_ADDRESS__
  __asan_poison_memory_region(block, size);
  __asan_unpoison_memory_region(block, bytes);
#endif
}

// Blocks from 4 MiB on lie on huge pages where the system grants them: rows gathered from all over a block would miss
// the processor's table of small pages at nearly every row, and a fresh block costs 512 times fewer page faults.
constexpr std::size_t huge_page = std::size_t{2} << 20;
bool is_huge(std::size_t size) { return size >= 2 * huge_page; }
std::align_val_t block_alignment(std::size_t size) { return std::align_val_t{is_huge(size) ? huge_page : alignment}; }

void* obtain(std::size_t size) noexcept {
  void* block = ::operator new(size, block_alignment(size), std::nothrow);
#ifdef __linux__
  if (block != nullptr && is_huge(size)) madvise(block, size, MADV_HUGEPAGE);  // a wish: refusal changes nothing
#endif
  return block;
}
void release(void* block, std::size_t size) noexcept { ::operator delete(block, block_alignment(size)); }

// The size of the blocks of a class: the inverse of class_index.
std::size_t class_size(std::size_t index) {
  if (index < classes_an_octave) return (index + 1) * alignment;
  const std::size_t octave = index / classes_an_octave + 8;
  return (std::size_t{1} << octave) / classes_an_octave * (classes_an_octave + index % classes_an_octave + 1);
}

}  // namespace

std::size_t size_class(std::size_t bytes) {
  if (bytes <= alignment * classes_an_octave) {
    return (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  }
  const auto octave = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;
  const std::size_t step = (std::size_t{1} << octave) / classes_an_octave;
  if (bytes > std::numeric_limits<std::size_t>::max() - step) throw std::bad_alloc();
  return (bytes + step - 1) / step * step;
}

Counters counters() {
  const std::lock_guard lock(pool().mutex);
  return pool().counters;
}

void reset_peak() {
  const std::lock_guard lock(pool().mutex);
  pool().counters.peak = pool().counters.live;
}

void* allocate(std::size_t bytes) {
  const std::size_t size = size_class(bytes);
  Pool& p = pool();
  void* block = nullptr;
  if (size < keep_below) {
    const std::lock_guard lock(p.mutex);
    auto& blocks = p.free[class_index(bytes)];
    if (!blocks.empty()) {
      block = blocks.back();
      blocks.pop_back();
      p.counters.cached -= size;
      ++p.counters.from_pool;
    }
  }
  const bool fresh = block == nullptr;
  if (fresh) {
    block = obtain(size);
    if (block == nullptr) {
      trim();
      block = obtain(size);
      if (block == nullptr) throw std::bad_alloc();
    }
  }
  const std::lock_guard lock(p.mutex);
  if (fresh) ++p.counters.from_system;
  p.counters.live += size;
  p.counters.peak = std::max(p.counters.peak, p.counters.live);
  mark_used(block, bytes, size);
  return block;
}

void deallocate(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return;
  const std::size_t size = size_class(bytes);
  Pool& p = pool();
  {
    const std::lock_guard lock(p.mutex);
    p.counters.live -= size;
    if (size < keep_below) {
      try {
        mark_used(block, 0, size);
        p.free[class_index(bytes)].push_back(block);
        p.counters.cached += size;
        return;
      } catch (const std::bad_alloc&) {  // no room for the bookkeeping: the system gets the block
      }
    }
  }
  release(block, size);
}

void trim() noexcept {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  for (std::size_t index = 0; index < p.free.size(); ++index) {
    for (void* block : p.free[index]) release(block, class_size(index));
    p.free[index].clear();
  }
  p.counters.cached = 0;
}

}  // namespace canopy::memory
