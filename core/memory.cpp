#include <canopy/core/memory.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <new>
#include <optional>
#include <vector>

#include <canopy/core/sanitizer.hpp>

#include <pthread.h>
#ifdef CANOPY_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace canopy::memory {
namespace {

constexpr std::size_t keep_below = std::size_t{64} << 20;
constexpr std::size_t classes_per_octave = 8;
constexpr std::size_t number_of_classes = classes_per_octave * 32;

// Classes within an octave [2^k, 2^(k+1)) lie 2^k / 8 apart; the smallest block is one cache line.
std::size_t class_index(std::size_t bytes) {
  if (bytes <= alignment * classes_per_octave) return (std::max<std::size_t>(bytes, 1) - 1) / alignment;
  const auto octave = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;
  const std::size_t step = (std::size_t{1} << octave) / classes_per_octave;
  const std::size_t within = (bytes - 1 - (std::size_t{1} << octave)) / step;
  return (octave - 9) * classes_per_octave + classes_per_octave + within;
}

// The cached blocks of a class. The newest is taken first, since its memory is still in the processor's caches; the
// oldest goes first.
class FreeList {
 public:
  struct Cached {
    void* data;
    std::uint64_t since;
  };
  bool empty() const { return oldest_ == blocks_.size(); }
  const Cached& oldest() const { return blocks_[oldest_]; }
  void put(void* data, std::uint64_t now) { blocks_.push_back({data, now}); }
  void* take_newest() {
    void* data = blocks_.back().data;
    blocks_.pop_back();
    forget_gap();
    return data;
  }
  void* take_oldest() {
    void* data = blocks_[oldest_++].data;
    forget_gap();
    return data;
  }

 private:
  void forget_gap() {
    if (!empty() && 2 * oldest_ < blocks_.size()) return;
    blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(oldest_));
    oldest_ = 0;
  }
  std::vector<Cached> blocks_;
  std::size_t oldest_ = 0;
};

// Tells the address sanitizer, if there is one, which bytes of a block of `size` belong to an array: the pool would
// hide from it reads and writes after the end or after the array's death.
void mark_used([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes, [[maybe_unused]] std::size_t size) {
#ifdef CANOPY_ADDRESS_SANITIZER
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
  if (index < classes_per_octave) return (index + 1) * alignment;
  const std::size_t octave = index / classes_per_octave + 8;
  return (std::size_t{1} << octave) / classes_per_octave * (classes_per_octave + index % classes_per_octave + 1);
}

class Pool {
 public:
  // A cached block for a request of this class: the smallest of less than twice its size, if there is one.
  Block take(std::size_t size) {
    const std::size_t found = next_occupied(class_index(size), class_index(2 * size));
    if (found == none) return {};
    void* data = free_[found].take_newest();
    const std::size_t capacity = class_size(found);
    forget(found, capacity);
    ++counters.from_pool;
    return {data, size, capacity};
  }

  void put(const Block& block) {
    const std::size_t index = class_index(block.capacity);
    free_[index].put(block.data, clock_++);
    occupied_[index / 64] |= std::uint64_t{1} << index % 64;
    counters.cached += block.capacity;
  }

  // The block that has been cached longest; none if nothing is cached.
  Block take_oldest() {
    std::size_t oldest = none;
    for (std::size_t i = next_occupied(0); i != none; i = next_occupied(i + 1)) {
      if (oldest == none || free_[i].oldest().since < free_[oldest].oldest().since) oldest = i;
    }
    if (oldest == none) return {};
    void* data = free_[oldest].take_oldest();
    const std::size_t capacity = class_size(oldest);
    forget(oldest, capacity);
    counters.held -= capacity;
    return {data, capacity, capacity};
  }

  void count_live(std::size_t size) {
    counters.live += size;
    counters.peak = std::max(counters.peak, counters.live);
    most_live = std::max(most_live, counters.live);
  }

  // How much may be cached when `more` bytes have come from the system.
  std::size_t cache_limit(std::size_t more) const {
    if (limit) return *limit;
    constexpr std::size_t always = std::size_t{8} << 20;  // not worth a call of the system
    const std::size_t most = std::max(most_live, counters.live + more);
    const std::size_t allowed = std::max(most + most / 4, always);
    const std::size_t in_use = counters.held - counters.cached + more;
    return allowed - std::min(allowed, in_use);
  }

  std::mutex mutex;
  Counters counters;
  std::size_t most_live = 0;  // since the last trim
  std::optional<std::size_t> limit;

 private:
  static constexpr std::size_t none = number_of_classes;

  // The first class in [begin, end) that has a cached block.
  std::size_t next_occupied(std::size_t begin, std::size_t end = number_of_classes) const {
    end = std::min(end, number_of_classes);
    for (std::size_t i = begin; i < end; i = (i / 64 + 1) * 64) {
      const std::uint64_t rest = occupied_[i / 64] >> i % 64;
      if (rest == 0) continue;
      const std::size_t found = i + static_cast<std::size_t>(std::countr_zero(rest));
      return found < end ? found : none;
    }
    return none;
  }

  void forget(std::size_t index, std::size_t capacity) {
    if (free_[index].empty()) occupied_[index / 64] &= ~(std::uint64_t{1} << index % 64);
    counters.cached -= capacity;
  }

  std::array<FreeList, number_of_classes> free_;
  std::array<std::uint64_t, number_of_classes / 64> occupied_{};  // a bit a class
  std::uint64_t clock_ = 0;
};

// Never destroyed: arrays of static storage duration may be freed after every other destructor has run. Nobody holds
// its lock while the process forks: in the child nobody would be there to release it.
Pool& pool() {
  static Pool& instance = *new Pool;
  [[maybe_unused]] static const int watches_forks =
      pthread_atfork([] { instance.mutex.lock(); }, [] { instance.mutex.unlock(); }, [] { instance.mutex.unlock(); });
  return instance;
}

// Gives back what is cached beyond the limit, when `more` bytes are about to come from the system.
void release_surplus(std::size_t more) noexcept {
  Pool& p = pool();
  for (;;) {
    Block block;
    {
      const std::lock_guard lock(p.mutex);
      if (p.counters.cached > p.cache_limit(more)) block = p.take_oldest();
    }
    if (block.data == nullptr) return;
    release(block.data, block.capacity);
  }
}

}  // namespace

std::size_t size_class(std::size_t bytes) {
  if (bytes <= alignment * classes_per_octave) {
    return (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  }
  const auto octave = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;
  const std::size_t step = (std::size_t{1} << octave) / classes_per_octave;
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

std::size_t cache_limit() {
  const std::lock_guard lock(pool().mutex);
  return pool().cache_limit(0);
}

void set_cache_limit(std::optional<std::size_t> bytes) {
  {
    const std::lock_guard lock(pool().mutex);
    pool().limit = bytes;
  }
  release_surplus(0);
}

Block allocate(std::size_t bytes) {
  const std::size_t size = size_class(bytes);
  Pool& p = pool();
  if (size < keep_below) {
    const std::lock_guard lock(p.mutex);
    if (const Block block = p.take(size); block.data != nullptr) {
      p.count_live(size);
      mark_used(block.data, bytes, block.capacity);
      return block;
    }
  }
  release_surplus(size);
  void* data = obtain(size);
  if (data == nullptr) {
    trim();
    data = obtain(size);
    if (data == nullptr) throw std::bad_alloc();
  }
  const std::lock_guard lock(p.mutex);
  ++p.counters.from_system;
  p.counters.held += size;
  p.count_live(size);
  mark_used(data, bytes, size);
  return {data, size, size};
}

void deallocate(const Block& block) noexcept {
  if (block.data == nullptr) return;
  Pool& p = pool();
  bool kept = block.capacity < keep_below, surplus = false;
  {
    const std::lock_guard lock(p.mutex);
    p.counters.live -= block.size;
    if (kept) {
      try {
        mark_used(block.data, 0, block.capacity);
        p.put(block);
        surplus = p.counters.cached > p.cache_limit(0);
      } catch (const std::bad_alloc&) {  // no room for the bookkeeping: the system gets the block
        kept = false;
      }
    }
    if (!kept) p.counters.held -= block.capacity;
  }
  if (!kept) release(block.data, block.capacity);
  if (surplus) release_surplus(0);
}

void trim() noexcept {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  for (Block block = p.take_oldest(); block.data != nullptr; block = p.take_oldest()) {
    release(block.data, block.capacity);
  }
  p.most_live = p.counters.live;
}

}  // namespace canopy::memory
