// Values made by a thread ahead of whoever uses them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <variant>

#include <canopy/core/threads.hpp>

namespace canopy {

/// Makes values 0, 1, ..., count - 1 by calling `make(i)` on a thread of its own, at most `ahead` of them before they
/// are asked for. The thread's kernels run serially, as the cores are the consumer's; its floating-point environment is
/// the consumer's (POSIX has threads inherit it), so that values have the bits that the consumer would compute.
/// Destruction at any time waits for the value in the making only.
template <class T>
class Prefetcher {
 public:
  Prefetcher(std::int64_t count, std::int64_t ahead, std::function<T(std::int64_t)> make)
      : ahead_(static_cast<std::size_t>(ahead)) {
    thread_ =
        std::jthread([this, count, make = std::move(make)](const std::stop_token& stop) { run(stop, count, make); });
  }

  /// The next value; waits for it. Throws what `make` threw for it, and again when asked again. Must not be called
  /// more than `count` times.
  T next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !made_.empty(); });
    if (const auto* error = std::get_if<std::exception_ptr>(&made_.front())) std::rethrow_exception(*error);
    T value = std::get<T>(std::move(made_.front()));
    made_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return value;
  }

 private:
  using Made = std::variant<T, std::exception_ptr>;

  void run(const std::stop_token& stop, std::int64_t count, const std::function<T(std::int64_t)>& make) {
    const SerialGuard serial;
    for (std::int64_t i = 0; i < count; ++i) {
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return made_.size() < ahead_; }) || stop.stop_requested()) return;
      }
      bool failed = false;
      Made made = attempt(make, i, failed);
      {
        const std::lock_guard lock(mutex_);
        made_.push_back(std::move(made));
      }
      changed_.notify_all();
      if (failed) return;
    }
  }

  static Made attempt(const std::function<T(std::int64_t)>& make, std::int64_t i, bool& failed) {
    try {
      return Made(std::in_place_type<T>, make(i));
    } catch (...) {
      failed = true;
      return Made(std::in_place_type<std::exception_ptr>, std::current_exception());
    }
  }

  std::size_t ahead_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Made> made_;
  std::jthread thread_;  // the last member: it ends before the others do
};

}  // namespace canopy
