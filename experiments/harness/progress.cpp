#include <canopy/experiments/harness/progress.hpp>

#include <algorithm>
#include <vector>

#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>

namespace canopy::harness {

std::string duration(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  if (seconds < 100 * 60) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string bar(double done) {
  constexpr std::size_t width = 30;
  const auto filled = static_cast<std::size_t>(std::clamp(done, 0., 1.) * width);
  return fmt::format("[{}{}]", std::string(filled, '#'), std::string(width - filled, '.'));
}

Progress::Progress(std::size_t total, std::size_t before, double work)
    : total_(total), finished_(before), work_(work), drawn_(is_drawable()) {
  refresh();
}

Progress::~Progress() { erase(); }

void Progress::start(const std::string& job, double work) {
  running_[job] = {.work = work};
  refresh();
}

void Progress::advance(const std::string& job, double before, double done, const std::string& text) {
  Running& running = running_[job];
  if (!running.advanced) running.before = before;
  running.advanced = true;
  running.fraction = done;
  running.text = text;
  refresh();
}

void Progress::describe(const std::string& job, const std::string& text) {
  running_[job].text = text;
  refresh();
}

void Progress::finish(const std::string& job, const std::string& outcome) {
  ++finished_;
  Running& running = running_[job];
  running.fraction = 1;
  const std::string& reached = running.text;
  const double left = remaining_seconds();
  say(fmt::format("[{}/{}] {}: {}{}{}", finished_, total_, job, outcome, reached.empty() ? "" : ", " + reached,
                  left > 0 ? ", about " + duration(left) + " left" : ""));
  finished_work_ += running.work;
  work_here_ += running.work * (1 - running.before);
  running_.erase(job);
  refresh();
}

void Progress::say(const std::string& line) {
  erase();
  harness::say(line + "\n");
  refresh();
}

void Progress::refresh() {
  if (!drawn_ || finished_ >= total_) return;
  erase();
  // A line that wraps, or more lines than the terminal has, would stay behind when the display is drawn anew.
  const TerminalSize size = terminal_size();
  std::vector<std::string> lines = {total()};
  for (const auto& [job, running] : running_) lines.push_back(fmt::format("  {}  {}", job, running.text));
  lines_ = std::min(lines.size(), std::max<std::size_t>(size.rows, 2) - 1);
  columns_ = size.columns;
  std::string display;
  for (std::size_t i = 0; i < lines_; ++i) display += cut(lines[i], size.columns) + "\n";
  harness::say(display);
}

void Progress::erase() {
  // What was drawn wider than the terminal is now may be wrapped, into who knows how many lines: it stays.
  const bool narrower = terminal_size().columns < columns_;
  if (lines_ > 0 && !narrower) harness::say(fmt::format("\x1b[{}A\x1b[J", lines_));  // up, and clear to the end
  lines_ = 0;
}

std::string Progress::total() const {
  const double left = remaining_seconds();
  return fmt::format("{} {}/{} cells{}", bar(static_cast<double>(finished_) / static_cast<double>(total_)), finished_,
                     total_, left > 0 ? ", about " + duration(left) + " left" : "");
}

double Progress::remaining_seconds() const {
  double here = work_here_, left = work_ - finished_work_;
  for (const auto& [job, running] : running_) {
    here += running.work * (running.fraction - running.before);
    left -= running.work * running.fraction;
  }
  if (here <= 0 || finished_ == total_) return 0;
  return std::chrono::duration<double>(Clock::now() - begin_).count() * left / here;
}

}  // namespace canopy::harness
