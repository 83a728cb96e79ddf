#include <canopy/core/threads.hpp>

#include <atomic>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/error.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(threads)

namespace {

// The ranges that a loop was cut into, in order.
std::vector<std::pair<std::int64_t, std::int64_t>> ranges(std::int64_t n, std::int64_t grain) {
  std::mutex mutex;
  std::set<std::pair<std::int64_t, std::int64_t>> found;
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::lock_guard lock(mutex);
    found.emplace(begin, end);
  });
  return {found.begin(), found.end()};
}

bool denormals_are_flushed() {
  volatile float smallest = std::numeric_limits<float>::min();
  volatile float half = 0.5f;
  volatile float result = smallest * half;
  volatile float denormal = std::numeric_limits<float>::denorm_min();
  volatile float large = 0x1p100f;
  volatile float product = denormal * large;
  return result == 0.f && product == 0.f;
}

}  // namespace

BOOST_AUTO_TEST_CASE(ranges_cover_everything_and_begin_at_multiples_of_the_grain) {
  for (const int count : {1, 2, 3, 7}) {
    const ThreadGuard guard(count);
    for (const std::int64_t n : {1, 2, 15, 16, 17, 100, 1001}) {
      for (const std::int64_t grain : {1, 3, 16, 1000}) {
        std::int64_t next = 0;
        const auto found = ranges(n, grain);
        for (const auto& [begin, end] : found) {
          BOOST_TEST(begin == next);
          BOOST_TEST(begin % grain == 0);
          BOOST_TEST(begin < end);
          next = end;
        }
        BOOST_TEST(next == n);
        BOOST_TEST(static_cast<int>(found.size()) <= count);
        if (n <= grain) BOOST_TEST(found.size() == 1u);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(work_is_shared) {
  const ThreadGuard guard(3);
  BOOST_TEST(ranges(300, 1).size() == 3u);
}

BOOST_AUTO_TEST_CASE(nothing_to_do) {
  BOOST_TEST(ranges(0, 4).empty());
  BOOST_TEST(ranges(-3, 4).empty());
  BOOST_TEST(ranges(5, 0).front().first == 0);
}

BOOST_AUTO_TEST_CASE(a_nested_loop_is_serial) {
  const ThreadGuard guard(3);
  std::atomic<int> loops{0}, calls{0};
  parallel_for(6, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      ++loops;
      const auto owner = std::this_thread::get_id();
      parallel_for(100, 1, [&](std::int64_t from, std::int64_t to) {
        calls += from == 0 && to == 100 && std::this_thread::get_id() == owner;
      });
    }
  });
  BOOST_TEST(loops == 6);
  BOOST_TEST(calls == 6);
}

// One thread may ask for it, the others go on as before.
BOOST_AUTO_TEST_CASE(a_thread_of_its_own_can_be_serial) {
  const ThreadGuard guard(3);
  const auto ranges = [] {
    std::atomic<int> calls{0};
    parallel_for(90, 1, [&](std::int64_t, std::int64_t) { ++calls; });
    return calls.load();
  };
  int beside = 0;
  std::thread([&] {
    const SerialGuard serial;
    beside = ranges();
  }).join();
  BOOST_TEST(beside == 1);
  {
    const SerialGuard serial;
    BOOST_TEST(ranges() == 1);
  }
  BOOST_TEST(ranges() == 3);
}

BOOST_AUTO_TEST_CASE(an_exception_is_rethrown_after_all_threads_have_finished) {
  for (const int count : {1, 3}) {
    const ThreadGuard guard(count);
    std::atomic<int> finished{0};
    const auto body = [&](std::int64_t begin, std::int64_t) {
      if (begin == 0) throw std::out_of_range("first");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ++finished;
    };
    BOOST_CHECK_EXCEPTION(parallel_for(30, 1, body), std::out_of_range,
                          [](const std::exception& error) { return std::string(error.what()) == "first"; });
    BOOST_TEST(finished == count - 1);
    // And loops go on working in parallel.
    BOOST_TEST(static_cast<int>(ranges(30, 1).size()) == count);
  }
}

BOOST_AUTO_TEST_CASE(guards_restore) {
  const int before = canopy::threads();
  BOOST_TEST(before >= 1);
  {
    const ThreadGuard five(5);
    BOOST_TEST(canopy::threads() == 5);
    {
      const ThreadGuard one(1);
      BOOST_TEST(canopy::threads() == 1);
    }
    BOOST_TEST(canopy::threads() == 5);
  }
  BOOST_TEST(canopy::threads() == before);
  BOOST_CHECK_THROW(ThreadGuard(0), ConfigError);
  BOOST_TEST(canopy::threads() == before);
}

// In the library's own work only: the process that it is loaded into keeps its numbers (tests/support/main.cpp checks
// that after every test).
BOOST_AUTO_TEST_CASE(denormals_are_zero_in_loops_and_nowhere_else) {
  BOOST_TEST(!denormals_are_flushed());
  for (const int count : {1, 3}) {
    const ThreadGuard guard(count);
    std::atomic<int> flushed{0};
    parallel_for(3, 1, [&](std::int64_t, std::int64_t) { flushed += denormals_are_flushed(); });
    BOOST_TEST(flushed == count);
    BOOST_CHECK_THROW(parallel_for(3, 1, [](std::int64_t, std::int64_t) { throw Error("stop"); }), Error);
    BOOST_TEST(!denormals_are_flushed());
  }
  const FlushDenormals flush;
  { const FlushDenormals again; }
  parallel_for(3, 1, [](std::int64_t, std::int64_t) {});
  BOOST_TEST(denormals_are_flushed());
}

// It has none of the parent's threads, and OpenMP would wait for them.
BOOST_AUTO_TEST_CASE(a_child_of_fork_goes_on_alone) {
  const ThreadGuard guard(3);
  const auto sum = [] {
    std::atomic<std::int64_t> total{0};
    parallel_for(300, 1, [&](std::int64_t begin, std::int64_t end) {
      Tensor ones({end - begin}, 1.f);  // from the pool, whose lock nobody holds
      for (const float one : ones.elements()) total += static_cast<std::int64_t>(one);
    });
    return total.load();
  };
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    while (!stop) Tensor({1000}, 0.f);
  });
  BOOST_TEST(sum() == 300);
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      const bool right = canopy::threads() == 1 && sum() == 300;
      _exit(right ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
  }
  stop = true;
  busy.join();
  BOOST_TEST(canopy::threads() == 3);
}

// Loops of different threads of the user do not disturb each other.
BOOST_AUTO_TEST_CASE(loops_on_several_threads_of_the_caller) {
  const ThreadGuard guard(2);
  std::vector<std::int64_t> sums(3);
  std::vector<std::thread> callers;
  for (std::int64_t& sum : sums) {
    callers.emplace_back([&sum] {
      std::vector<std::int64_t> squares(1000);
      for (int round = 0; round < 20; ++round) {
        parallel_for(1000, 10, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) squares[static_cast<std::size_t>(i)] += i * i;
        });
      }
      for (const std::int64_t square : squares) sum += square;
    });
  }
  for (auto& caller : callers) caller.join();
  for (const std::int64_t sum : sums) BOOST_TEST(sum == 20 * std::int64_t{332833500});
}

BOOST_AUTO_TEST_SUITE_END()
