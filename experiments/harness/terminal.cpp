#include <canopy/experiments/harness/terminal.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/held_signal.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace canopy::harness {
namespace {

/// 0, or why not all of it could be written.
int write_all(int stream, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(stream, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

/// The code point that a UTF-8 text begins with, and its bytes; a byte that begins none stands for itself.
std::pair<std::uint32_t, std::size_t> first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(text[i])}; };
  const std::size_t bytes = byte(0) < 0xc0 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  if (bytes == 1 || bytes > text.size()) return {byte(0), 1};
  std::uint32_t code = byte(0) & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {byte(0), 1};
    code = code << 6 | (byte(i) & 0x3f);
  }
  return {code, bytes};
}

/// Of a character on a terminal: most East Asian ones and emoji take two, accents that combine none.
std::size_t columns_of(std::uint32_t code) {
  struct Block {
    std::uint32_t first, last;
  };
  constexpr Block combining[] = {{0x300, 0x36f}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
  constexpr Block wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xac00, 0xd7a3},
                            {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                            {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  const auto is_in = [&](const Block& block) { return code >= block.first && code <= block.last; };
  if (std::ranges::any_of(combining, is_in)) return 0;
  return std::ranges::any_of(wide, is_in) ? 2 : 1;
}

}  // namespace

void say(std::string_view text) noexcept {
  const HeldSignal broken_pipe(SIGPIPE);
  write_all(STDERR_FILENO, text);
}

void print(std::string_view text) {
  const int reason = write_all(STDOUT_FILENO, text);
  if (reason != 0) throw Error(fmt::format("standard output: {}", std::strerror(reason)));
}

void hold_standard_streams() noexcept {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The lowest free descriptor is the one that is closed. Opened the wrong way round, so that its use still fails.
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF)
      ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

bool is_drawable() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && *terminal != '\0' &&
         std::string_view(terminal) != "dumb";
}

TerminalSize terminal_size() {
  TerminalSize size;
  winsize window = {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0) {
    if (window.ws_row > 0) size.rows = window.ws_row;
    if (window.ws_col > 0) size.columns = window.ws_col;
  }
  return size;
}

void draw_line(std::string_view text) { say("\r\x1b[K" + cut(text, terminal_size().columns - 1)); }

std::string cut(std::string_view text, std::size_t columns) {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto [code, bytes] = first_character(text.substr(i));
    taken += columns_of(code);
    if (taken > columns) return std::string(text.substr(0, i));
    i += bytes;
  }
  return std::string(text);
}

}  // namespace canopy::harness
