#include <canopy/experiments/cli/text_display.hpp>

#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>

namespace canopy::cli {

using namespace std::chrono_literals;

TextDisplay::TextDisplay() : terminal_(harness::is_drawable()), begin_(Clock::now()), shown_(begin_) {}

TextDisplay::~TextDisplay() {
  if (drawn_) harness::say("\n");
}

void TextDisplay::show(std::int64_t bytes) {
  const Clock::time_point now = Clock::now();
  if (now - shown_ < (terminal_ ? Clock::duration(100ms) : Clock::duration(10s))) return;
  shown_ = now;
  const double megabytes = static_cast<double>(bytes) / 1e6;
  const std::string line = fmt::format("{:.1f} MB of text, {:.1f} MB/s", megabytes,
                                       megabytes / std::chrono::duration<double>(now - begin_).count());
  if (!terminal_) return harness::say(line + "\n");
  harness::draw_line(line);
  drawn_ = true;
}

}  // namespace canopy::cli
