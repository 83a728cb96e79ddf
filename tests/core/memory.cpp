#include <canopy/core/memory.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <new>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <canopy/core/array.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

// Starts from an empty cache, so that a test's counts are its own.
struct EmptyPool {
  EmptyPool() { memory::trim(); }
  ~EmptyPool() { memory::trim(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(memory, EmptyPool)

BOOST_AUTO_TEST_CASE(size_classes_waste_at_most_an_eighth) {
  std::size_t classes = 0, last = 0;
  for (std::size_t bytes = 1; bytes <= 4 * mebibyte; bytes += 1 + bytes / 1000) {
    const std::size_t size = canopy::memory::size_class(bytes);
    BOOST_REQUIRE(size >= bytes);
    BOOST_REQUIRE(size % canopy::memory::alignment == 0);
    BOOST_REQUIRE(size >= last);
    // Below eight cache lines the line is the unit.
    BOOST_REQUIRE(size - bytes <= std::max(bytes / 8, canopy::memory::alignment - 1));
    BOOST_REQUIRE(canopy::memory::size_class(size) == size);
    classes += size != last;
    last = size;
  }
  BOOST_TEST(classes <= 8u * (22 - 9) + 8);
  BOOST_TEST(canopy::memory::size_class(0) == 64u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_allocated) {
  BOOST_CHECK_THROW(canopy::memory::size_class(SIZE_MAX), std::bad_alloc);
  BOOST_CHECK_THROW(canopy::memory::allocate(SIZE_MAX), std::bad_alloc);
}

BOOST_AUTO_TEST_CASE(a_block_of_the_same_class_is_reused) {
  void* first = canopy::memory::allocate(10000);
  canopy::memory::deallocate(first, 10000);
  const auto before = canopy::memory::counters();
  void* second = canopy::memory::allocate(canopy::memory::size_class(10000));
  BOOST_TEST(second == first);
  BOOST_TEST(canopy::memory::counters().from_pool == before.from_pool + 1);
  BOOST_TEST(canopy::memory::counters().from_system == before.from_system);
  void* third = canopy::memory::allocate(10000);
  BOOST_TEST(third != second);
  BOOST_TEST(canopy::memory::counters().from_system == before.from_system + 1);
  canopy::memory::deallocate(second, canopy::memory::size_class(10000));
  canopy::memory::deallocate(third, 10000);
}

BOOST_AUTO_TEST_CASE(counters_count_live_peak_and_cached_bytes) {
  const auto start = canopy::memory::counters();
  BOOST_TEST(start.cached == 0u);
  canopy::memory::reset_peak();
  BOOST_TEST(canopy::memory::counters().peak == start.live);
  const std::size_t size = canopy::memory::size_class(40000);
  {
    const Tensor a(Shape{10000});
    {
      const Tensor b(Shape{10000});
      BOOST_TEST(canopy::memory::counters().live == start.live + 2 * size);
    }
    BOOST_TEST(canopy::memory::counters().live == start.live + size);
    BOOST_TEST(canopy::memory::counters().cached == size);
  }
  const auto end = canopy::memory::counters();
  BOOST_TEST(end.live == start.live);
  BOOST_TEST(end.cached == 2 * size);
  BOOST_TEST(end.peak == start.live + 2 * size);
  canopy::memory::trim();
  BOOST_TEST(canopy::memory::counters().cached == 0u);
}

BOOST_AUTO_TEST_CASE(large_blocks_go_back_to_the_system) {
  for (const std::size_t bytes : {64 * mebibyte, 64 * mebibyte - 1, 65 * mebibyte}) {
    canopy::memory::deallocate(canopy::memory::allocate(bytes), bytes);
    BOOST_TEST(canopy::memory::counters().cached == 0u);
  }
  canopy::memory::deallocate(canopy::memory::allocate(60 * mebibyte), 60 * mebibyte);
  BOOST_TEST(canopy::memory::counters().cached == canopy::memory::size_class(60 * mebibyte));
}

BOOST_AUTO_TEST_CASE(another_thread_may_free) {
  const auto start = canopy::memory::counters();
  void* block = nullptr;
  std::thread([&] { block = canopy::memory::allocate(5000); }).join();
  std::memset(block, 1, 5000);
  std::thread([&] { canopy::memory::deallocate(block, 5000); }).join();
  BOOST_TEST(canopy::memory::counters().live == start.live);
  BOOST_TEST(canopy::memory::allocate(5000) == block);
  canopy::memory::deallocate(block, 5000);
}

BOOST_AUTO_TEST_CASE(many_threads_at_once) {
  const auto start = canopy::memory::counters();
  std::vector<int> damaged(4);
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([t, &damaged] {
      std::vector<Bytes> arrays;
      for (int round = 0; round < 2000; ++round) {
        const std::int64_t n = 1 + (round * 37 + t * 11) % 5000;
        arrays.emplace_back(Shape{n}, static_cast<std::uint8_t>(t));
        if (arrays.size() < 20) continue;
        for (const Bytes& a : arrays) {
          for (const std::uint8_t v : a.elements()) damaged[t] += v != t;
        }
        arrays.erase(arrays.begin(), arrays.begin() + 13);
      }
    });
  }
  for (auto& worker : workers) worker.join();
  for (const int count : damaged) BOOST_TEST(count == 0);
  BOOST_TEST(canopy::memory::counters().live == start.live);
}

#ifdef __SANITIZE_ADDRESS__
BOOST_AUTO_TEST_CASE(an_exhausted_system_trims_the_pool_and_retries) {
  BOOST_TEST_MESSAGE("skipped: the address sanitizer reserves more address space than can be limited");
}
#else
// In a process of its own, whose address space is limited to little more than what it has.
BOOST_AUTO_TEST_CASE(an_exhausted_system_trims_the_pool_and_retries) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    const auto verdict = [] {
      // Larger than what malloc would ever keep for itself.
      void* blocks[8];
      for (void*& block : blocks) block = canopy::memory::allocate(48 * mebibyte);
      for (void* block : blocks) canopy::memory::deallocate(block, 48 * mebibyte);
      std::size_t pages = 0;
      std::ifstream("/proc/self/statm") >> pages;
      const rlim_t limit = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + 32 * mebibyte;
      const rlimit limits{limit, limit};
      if (pages == 0 || setrlimit(RLIMIT_AS, &limits) != 0) return 2;
      if (::operator new(200 * mebibyte, std::nothrow) != nullptr) return 3;  // the limit does not bite
      try {
        void* block = canopy::memory::allocate(200 * mebibyte);
        if (canopy::memory::counters().cached != 0) return 4;
        canopy::memory::deallocate(block, 200 * mebibyte);
      } catch (const std::bad_alloc&) {
        return 5;
      }
      try {
        canopy::memory::allocate(4096 * mebibyte);
        return 6;
      } catch (const std::bad_alloc&) {
        return 0;
      }
    }();
    _exit(verdict);
  }
  int status = -1;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 0);
}
#endif

#ifdef __SANITIZE_ADDRESS__
extern "C" int __asan_address_is_poisoned(void const volatile* address);

BOOST_AUTO_TEST_CASE(the_address_sanitizer_sees_through_the_pool) {
  const auto* block = static_cast<const char*>(canopy::memory::allocate(100));
  BOOST_TEST(!__asan_address_is_poisoned(block + 99));
  BOOST_TEST(__asan_address_is_poisoned(block + 100));
  canopy::memory::deallocate(const_cast<char*>(block), 100);
  BOOST_TEST(__asan_address_is_poisoned(block));
  BOOST_TEST(canopy::memory::allocate(128) == block);
  BOOST_TEST(!__asan_address_is_poisoned(block + 127));
  canopy::memory::deallocate(const_cast<char*>(block), 128);
}
#endif

// Blocks large enough for huge pages start at one; pooled or not, they go back as they came.
BOOST_AUTO_TEST_CASE(large_blocks_lie_on_huge_pages) {
  for (const std::size_t mebibytes : {std::size_t{4}, std::size_t{5}, std::size_t{63}, std::size_t{100}}) {
    const std::size_t bytes = mebibytes << 20;
    void* block = canopy::memory::allocate(bytes);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(block) % (std::uintptr_t{2} << 20) == 0U, mebibytes << " MiB");
    static_cast<char*>(block)[bytes - 1] = 1;
    canopy::memory::deallocate(block, bytes);
    canopy::memory::trim();  // under the address sanitizer this fails if a block is released as another size
  }
}

BOOST_AUTO_TEST_SUITE_END()
