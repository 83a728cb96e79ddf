// stderr as a place for people: lines that may be drawn over, cut to the terminal, and never a reason to fail; stdout
// as the place of results.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace canopy::harness {

/// Writes to stderr. Where it is closed, full or a pipe that nobody reads, the text is lost and nothing else happens.
void say(std::string_view text) noexcept;

/// Writes to stdout, at once. Throws Error with the system's reason; a pipe that nobody reads ends the process by
/// SIGPIPE, as it does every tool, unless that signal is held back or ignored.
void print(std::string_view text);

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

/// What fits into so many columns of a UTF-8 text, so that it stays on its line: East Asian characters take two.
std::string cut(std::string_view text, std::size_t columns);

}  // namespace canopy::harness
