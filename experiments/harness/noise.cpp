#include <canopy/experiments/harness/noise.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <string>

#include <canopy/experiments/harness/timer.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace canopy::benchmark {
namespace {

double clock_milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Of this process, which are more than the clock's where several threads work.
double processor_milliseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
}

/// Seconds that all processors worked, and were there, since the machine started.
struct MachineTime {
  double busy = 0, all = 0;
};

MachineTime machine_time() {
  std::ifstream file("/proc/stat");
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft_interrupts = 0, stolen = 0;
  file >> name >> user >> nice >> system >> idle >> waiting >> interrupts >> soft_interrupts >> stolen;
  if (!file) return {};
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double busy = user + nice + system + interrupts + soft_interrupts + stolen;
  return {busy / ticks, (busy + idle + waiting) / ticks};
}

}  // namespace

Stopwatch::Stopwatch() : begin_(0), processor_(processor_milliseconds()) { begin_ = clock_milliseconds(); }

Sample Stopwatch::read() const {
  const double end = clock_milliseconds();
  return {end - begin_, processor_milliseconds() - processor_};
}

Neighbours::Neighbours() : processor_(processor_milliseconds() / 1e3) {
  const MachineTime now = machine_time();
  busy_ = now.busy;
  all_ = now.all;
}

double Neighbours::share() const {
  constexpr double shortest = 0.5;  // seconds of each processor
  const MachineTime now = machine_time();
  const double all = now.all - all_;
  if (!(all >= shortest * static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN)))) return 0;
  const double own = processor_milliseconds() / 1e3 - processor_;
  return std::clamp((now.busy - busy_ - own) / all, 0., 1.);
}

double waited(const std::vector<Sample>& samples) {
  std::vector<double> working;  // processors
  for (const Sample& sample : samples) working.push_back(sample.processor / sample.milliseconds);
  if (working.empty()) return 0;
  std::ranges::sort(working);
  constexpr double busiest = 0.9;  // not the very last: short samples are rounded
  return 1 - quantile(working, 0.5) / std::max(quantile(working, busiest), 1.);
}

std::string noise(const Circumstances& circumstances) {
  std::vector<std::string> reasons;
  const auto add = [&](double share, const char* before, const char* after) {
    if (share > noisy_above) reasons.push_back(fmt::format("{} {:.0f} % {}", before, 100 * share, after));
  };
  add(circumstances.spread, "varies by", "of it");
  add(circumstances.waited, "the process waited", "of the time");
  add(circumstances.neighbours, "others kept", "of the machine busy");
  return fmt::format("{}", fmt::join(reasons, ", "));
}

std::string noise_of_both(const std::string& own, const std::string& baseline) {
  const bool told = own == baseline || own.find("baseline: ") != std::string::npos;
  if (baseline.empty() || told) return own;
  return fmt::format("{}{}baseline: {}", own, own.empty() ? "" : "; ", baseline);
}

}  // namespace canopy::benchmark
