#include <canopy/experiments/cli/download_display.hpp>

#include <canopy/experiments/harness/progress.hpp>
#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

using namespace std::chrono_literals;

double megabytes(std::int64_t bytes) { return static_cast<double>(bytes) / 1e6; }

}  // namespace

DownloadDisplay::DownloadDisplay() : terminal_(harness::is_drawable()) {}

DownloadDisplay::~DownloadDisplay() {
  if (drawn_) harness::say("\n");
}

void DownloadDisplay::show(const datasets::DownloadProgress& progress) {
  if (progress.address != address_) begin(progress);
  const Clock::time_point now = Clock::now();
  const bool complete = progress.done == progress.total && progress.total > 0;
  if (!complete && now - shown_ < (terminal_ ? Clock::duration(100ms) : Clock::duration(10s))) return;
  shown_ = now;
  if (terminal_) {
    harness::draw_line(line(progress));
    drawn_ = true;
  } else if (!complete) {
    harness::say(line(progress) + "\n");
  }
}

void DownloadDisplay::begin(const datasets::DownloadProgress& progress) {
  if (drawn_) harness::say("\n");
  drawn_ = false;
  address_ = progress.address;
  begin_ = shown_ = Clock::now();
  const std::string where =
      progress.before > 0 ? fmt::format(", continued at {:.1f} MB", megabytes(progress.before)) : "";
  harness::say(address_ + where + "\n");
}

std::string DownloadDisplay::line(const datasets::DownloadProgress& progress) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  const double speed = seconds > 0 ? megabytes(progress.done - progress.before) / seconds : 0;
  std::string text = fmt::format("{:.1f} MB, {:.1f} MB/s", megabytes(progress.done), speed);
  if (progress.total <= 0) return text;
  const double fraction = static_cast<double>(progress.done) / static_cast<double>(progress.total);
  text = fmt::format("{} {:3.0f} % of {:.1f} MB, {:.1f} MB/s", harness::bar(fraction), 100 * fraction,
                     megabytes(progress.total), speed);
  if (speed > 0 && progress.done < progress.total) {
    text += fmt::format(", {} left", harness::duration(megabytes(progress.total - progress.done) / speed));
  }
  return text;
}

}  // namespace canopy::cli
