// stderr as a place for people: lines that may be drawn over, cut to the terminal, and never a reason to fail.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace canopy::harness {

/// Writes to stderr. Where it is closed, full or a pipe that nobody reads, the text is lost and nothing else happens.
void say(std::string_view text) noexcept;

/// Opens /dev/null in the place of each standard stream that is closed, so that no file of ours takes it: what is
/// written to stdout then still fails.
void hold_standard_streams() noexcept;

/// Whether stderr is a terminal whose cursor can be moved: not for TERM=dumb or without TERM.
bool is_drawable();

struct TerminalSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};
/// Of the terminal on stderr, now.
TerminalSize terminal_size();

/// Draws a line over the last one drawn, cut to the terminal; stderr must be drawable.
void draw_line(std::string_view text);

/// At most so many characters of a UTF-8 text, so that it stays on its line.
std::string cut(std::string_view text, std::size_t columns);

}  // namespace canopy::harness
