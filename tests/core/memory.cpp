#include <canopy/core/memory.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <canopy/core/array.hpp>
#include <canopy/core/sanitizer.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

// Starts from an empty cache, so that a test's counts are its own.
struct EmptyPool {
  EmptyPool() { reset(); }
  ~EmptyPool() { reset(); }
  static void reset() {
    memory::set_cache_limit(std::nullopt);
    memory::trim();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(memory, EmptyPool)

using canopy::memory::Block;

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
  const Block first = canopy::memory::allocate(10000);
  canopy::memory::deallocate(first);
  const auto before = canopy::memory::counters();
  const Block second = canopy::memory::allocate(canopy::memory::size_class(10000));
  BOOST_TEST(second.data == first.data);
  BOOST_TEST(canopy::memory::counters().from_pool == before.from_pool + 1);
  BOOST_TEST(canopy::memory::counters().from_system == before.from_system);
  const Block third = canopy::memory::allocate(10000);
  BOOST_TEST(third.data != second.data);
  BOOST_TEST(canopy::memory::counters().from_system == before.from_system + 1);
  canopy::memory::deallocate(second);
  canopy::memory::deallocate(third);
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
    canopy::memory::deallocate(canopy::memory::allocate(bytes));
    BOOST_TEST(canopy::memory::counters().cached == 0u);
  }
  canopy::memory::deallocate(canopy::memory::allocate(60 * mebibyte));
  BOOST_TEST(canopy::memory::counters().cached == canopy::memory::size_class(60 * mebibyte));
}

BOOST_AUTO_TEST_CASE(a_larger_block_serves_if_it_is_not_twice_as_large) {
  const auto start = canopy::memory::counters();
  const Block large = canopy::memory::allocate(2 * mebibyte), larger = canopy::memory::allocate(3 * mebibyte);
  canopy::memory::deallocate(larger);
  canopy::memory::deallocate(large);
  const Block half = canopy::memory::allocate(mebibyte);
  BOOST_TEST(half.data != large.data);
  const Block most = canopy::memory::allocate(mebibyte + 200000);
  BOOST_TEST(most.data == large.data);  // the smallest that is large enough
  BOOST_TEST(most.size == canopy::memory::size_class(mebibyte + 200000));
  BOOST_TEST(most.capacity == 2 * mebibyte);
  const auto now = canopy::memory::counters();
  BOOST_TEST(now.live == start.live + half.size + most.size);  // what was asked for, whatever serves it
  BOOST_TEST(now.cached == 3 * mebibyte);
  BOOST_TEST(now.held == start.held + 6 * mebibyte);
  canopy::memory::deallocate(most);
  const Block whole = canopy::memory::allocate(2 * mebibyte);
  BOOST_TEST(whole.data == large.data);  // it is still what it was
  canopy::memory::deallocate(whole);
  canopy::memory::deallocate(half);
  BOOST_TEST(canopy::memory::counters().cached == 6 * mebibyte);
  canopy::memory::trim();
  BOOST_TEST(canopy::memory::counters().held == start.held);
}

BOOST_AUTO_TEST_CASE(beyond_the_limit_the_oldest_blocks_go) {
  canopy::memory::set_cache_limit(10 * mebibyte);
  BOOST_TEST(canopy::memory::cache_limit() == 10 * mebibyte);
  Block blocks[4];
  for (std::size_t i = 0; i < 4; ++i) blocks[i] = canopy::memory::allocate((i + 1) * mebibyte);
  for (const std::size_t i : {2, 0, 3, 1}) canopy::memory::deallocate(blocks[i]);  // 3, 1, 4, 2 MiB
  BOOST_TEST(canopy::memory::counters().cached == 10 * mebibyte);
  canopy::memory::set_cache_limit(7 * mebibyte);
  BOOST_TEST(canopy::memory::counters().cached == 7 * mebibyte);
  canopy::memory::set_cache_limit(6 * mebibyte);
  BOOST_TEST(canopy::memory::counters().cached == 6 * mebibyte);
  for (const std::size_t i : {3, 1}) {  // the others are still there
    const Block again = canopy::memory::allocate(blocks[i].size);
    BOOST_TEST(again.data == blocks[i].data);
    canopy::memory::deallocate(again);
  }
  canopy::memory::deallocate(canopy::memory::allocate(mebibyte / 2));
  BOOST_TEST(canopy::memory::counters().cached == 5 * mebibyte / 2);  // 4 MiB was older than 2 MiB
  canopy::memory::set_cache_limit(0);
  BOOST_TEST(canopy::memory::counters().cached == 0U);
  canopy::memory::deallocate(canopy::memory::allocate(1000));
  BOOST_TEST(canopy::memory::counters().cached == 0U);
  canopy::memory::set_cache_limit(100 * mebibyte);
  for (int i = 0; i < 3; ++i) blocks[i] = canopy::memory::allocate(20 * mebibyte);
  for (int i = 0; i < 3; ++i) canopy::memory::deallocate(blocks[i]);
  BOOST_TEST(canopy::memory::counters().cached == 60 * mebibyte);
}

// A training that pads to the longest of each batch: forty arrays a step, all of a step's length, or each of its own.
BOOST_AUTO_TEST_CASE(varying_shapes_do_not_pile_up) {
  const auto check = [](const std::string& what) {
    const auto now = canopy::memory::counters();
    BOOST_TEST(static_cast<double>(now.cached) <= 1.3 * static_cast<double>(now.peak),
               what << ": cached " << now.cached << ", peak " << now.peak);
    BOOST_TEST(now.cached + now.live <= now.held);
  };
  const auto array = [](std::int64_t length) { return Tensor({32 * length, 768}); };
  for (const bool same : {true, false}) {
    canopy::memory::trim();
    canopy::memory::reset_peak();
    std::int64_t length = 16;
    const auto next = [&] { return length = 16 + (length * 37 + 11) % 113; };
    for (int step = 0; step < 30; ++step) {
      std::vector<Tensor> kept;
      next();
      for (int i = 0; i < 40; ++i) {
        kept.push_back(array(same ? length : next()));
        if (i % 2 == 1) kept.erase(kept.begin());  // what nobody keeps
      }
      while (!kept.empty()) {  // backward
        const Tensor gradient(kept.back().shape());
        kept.pop_back();
      }
      check(same ? "one length a step" : "any lengths");
    }
  }
  canopy::memory::trim();
  canopy::memory::reset_peak();
  for (std::int64_t i = 0; i < 40; ++i) array(16 + 112 * ((i * 17) % 40) / 39);
  check("one at a time");
}

// A training whose shapes repeat finds all its blocks again.
BOOST_AUTO_TEST_CASE(repeated_shapes_come_from_the_pool) {
  const auto step = [] {
    std::vector<Tensor> kept;
    for (std::int64_t i = 1; i <= 30; ++i) {
      kept.emplace_back(Shape{256, 100 * (1 + i % 7)});
      kept.emplace_back(Shape{100 * i});
    }
    while (!kept.empty()) {
      const Tensor gradient(kept.back().shape());
      kept.pop_back();
    }
  };
  for (int i = 0; i < 3; ++i) step();
  const auto before = canopy::memory::counters();
  for (int i = 0; i < 5; ++i) step();
  BOOST_TEST(canopy::memory::counters().from_system == before.from_system);
}

BOOST_AUTO_TEST_CASE(another_thread_may_free) {
  const auto start = canopy::memory::counters();
  Block block;
  std::thread([&] { block = canopy::memory::allocate(5000); }).join();
  std::memset(block.data, 1, 5000);
  std::thread([&] { canopy::memory::deallocate(block); }).join();
  BOOST_TEST(canopy::memory::counters().live == start.live);
  const Block again = canopy::memory::allocate(5000);
  BOOST_TEST(again.data == block.data);
  canopy::memory::deallocate(again);
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

// Random sizes, limits and threads: nobody's elements change, and the counters add up.
BOOST_AUTO_TEST_CASE(blocks_of_any_size_on_many_threads) {
  const auto start = canopy::memory::counters();
  std::vector<std::int64_t> damaged(4);
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([t, &damaged] {
      std::minstd_rand random(static_cast<unsigned>(t + 1));
      std::vector<std::pair<Bytes, std::uint8_t>> arrays;
      for (int round = 0; round < 4000; ++round) {
        const std::int64_t n = 1 + random() % (std::int64_t{1} << (6 + random() % 12));
        const auto fill = static_cast<std::uint8_t>(random());
        arrays.emplace_back(Bytes({n}, fill), fill);
        if (round % 500 == 0) canopy::memory::set_cache_limit(random() % (2 * mebibyte));
        if (round % 900 == 0) canopy::memory::trim();
        if (arrays.size() < 30) continue;
        const std::size_t victim = random() % arrays.size();
        const auto& [array, expected] = arrays[victim];
        for (const std::uint8_t v : array.elements()) damaged[t] += v != expected;
        arrays.erase(arrays.begin() + static_cast<std::ptrdiff_t>(victim));
      }
    });
  }
  for (auto& worker : workers) worker.join();
  for (const std::int64_t count : damaged) BOOST_TEST(count == 0);
  const auto end = canopy::memory::counters();
  BOOST_TEST(end.live == start.live);
  BOOST_TEST(end.held == start.held + end.cached - start.cached);
  canopy::memory::trim();
  BOOST_TEST(canopy::memory::counters().cached == 0U);
}

#ifdef CANOPY_ADDRESS_SANITIZER
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
      canopy::memory::trim();  // what other cases, and their threads, left to be released first
      // Larger than what malloc would ever keep for itself.
      Block blocks[8];
      for (Block& block : blocks) block = canopy::memory::allocate(48 * mebibyte);
      for (const Block& block : blocks) canopy::memory::deallocate(block);
      std::size_t pages = 0;
      std::ifstream("/proc/self/statm") >> pages;
      const rlim_t limit = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + 32 * mebibyte;
      const rlimit limits{limit, limit};
      if (pages == 0 || setrlimit(RLIMIT_AS, &limits) != 0) return 2;
      if (::operator new(200 * mebibyte, std::nothrow) != nullptr) return 3;  // the limit does not bite
      try {
        const Block block = canopy::memory::allocate(200 * mebibyte);
        if (canopy::memory::counters().cached != 0) return 4;
        canopy::memory::deallocate(block);
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

#ifdef CANOPY_ADDRESS_SANITIZER
extern "C" int __asan_address_is_poisoned(void const volatile* address);

BOOST_AUTO_TEST_CASE(the_address_sanitizer_sees_through_the_pool) {
  const Block first = canopy::memory::allocate(100);
  const auto* bytes = static_cast<const char*>(first.data);
  BOOST_TEST(!__asan_address_is_poisoned(bytes + 99));
  BOOST_TEST(__asan_address_is_poisoned(bytes + 100));
  canopy::memory::deallocate(first);
  BOOST_TEST(__asan_address_is_poisoned(bytes));
  const Block second = canopy::memory::allocate(128);
  BOOST_TEST(second.data == first.data);
  BOOST_TEST(!__asan_address_is_poisoned(bytes + 127));
  canopy::memory::deallocate(second);

  // A larger block than was asked for.
  const Block large = canopy::memory::allocate(10000);
  const auto* large_bytes = static_cast<const char*>(large.data);
  canopy::memory::deallocate(large);
  const Block part = canopy::memory::allocate(6000);
  BOOST_TEST(part.data == large.data);
  BOOST_TEST(!__asan_address_is_poisoned(large_bytes + 5999));
  BOOST_TEST(__asan_address_is_poisoned(large_bytes + 6000));
  BOOST_TEST(__asan_address_is_poisoned(large_bytes + 9999));
  canopy::memory::deallocate(part);
  const Block whole = canopy::memory::allocate(10000);
  BOOST_TEST(whole.data == large.data);
  BOOST_TEST(!__asan_address_is_poisoned(large_bytes + 9999));
  canopy::memory::deallocate(whole);
}
#endif

// Blocks large enough for huge pages start at one; pooled or not, they go back as they came.
BOOST_AUTO_TEST_CASE(large_blocks_lie_on_huge_pages) {
  for (const std::size_t mebibytes : {std::size_t{4}, std::size_t{5}, std::size_t{63}, std::size_t{100}}) {
    const std::size_t bytes = mebibytes << 20;
    const Block block = canopy::memory::allocate(bytes);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(block.data) % (std::uintptr_t{2} << 20) == 0U, mebibytes << " MiB");
    static_cast<char*>(block.data)[bytes - 1] = 1;
    canopy::memory::deallocate(block);
    canopy::memory::trim();  // under the address sanitizer this fails if a block is released as another size
  }
}

BOOST_AUTO_TEST_SUITE_END()
