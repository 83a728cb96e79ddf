// What a run shows on a terminal: drawn in its width, plain where the cursor cannot be moved.
#include <canopy/experiments/harness/terminal.hpp>

#include <cstdlib>

#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"
#include "support/environment.hpp"

#include <poll.h>
#include <sys/ioctl.h>

using program::Folder;
using namespace canopy::harness;

BOOST_AUTO_TEST_SUITE(terminal)

namespace {

// What the fake driver writes to a terminal of this width as stderr.
std::string shown(const std::string& arguments, unsigned short columns) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  BOOST_REQUIRE(terminal >= 0);
  BOOST_REQUIRE(::grantpt(terminal) == 0);
  BOOST_REQUIRE(::unlockpt(terminal) == 0);
  const std::string name = ::ptsname(terminal);
  const int other_end = ::open(name.c_str(), O_RDWR | O_NOCTTY);  // keeps what was written until it is read
  const winsize size = {.ws_row = 10, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  BOOST_REQUIRE(::ioctl(terminal, TIOCSWINSZ, &size) == 0);
  const Folder output;
  const pid_t process = program::start("/bin/sh", {"-c", FAKE_DRIVER " " + arguments + " 2>" + name}, output);
  std::string text;
  int status = 0;
  for (bool running = true; running;) {
    running = ::waitpid(process, &status, WNOHANG) == 0;
    pollfd readable = {terminal, POLLIN, 0};
    while (::poll(&readable, 1, 20) > 0) {
      char piece[4096];
      const ssize_t count = ::read(terminal, piece, sizeof piece);
      if (count <= 0) break;
      text.append(piece, static_cast<std::size_t>(count));
    }
  }
  BOOST_TEST(status == 0);
  ::close(other_end);
  ::close(terminal);
  return text;
}

std::string run_in(const Folder& folder) {
  return "run fake/count --seeds 1 --threads 2 --set pause=50000 --out " + (folder / "run").string();
}

}  // namespace

BOOST_AUTO_TEST_CASE(text_is_cut_between_characters) {
  BOOST_TEST(cut("abcdef", 3) == "abc");
  BOOST_TEST(cut("abc", 3) == "abc");
  BOOST_TEST(cut("abc", 0).empty());
  BOOST_TEST(cut("±±±", 2) == "±±");
  BOOST_TEST(cut("", 5).empty());
  BOOST_TEST(cut("木木木", 4) == "木木");  // two columns each
  BOOST_TEST(cut("木木木", 5) == "木木");
  BOOST_TEST(cut("e\u0301e\u0301", 1) == "e\u0301");  // an accent takes none
  BOOST_TEST(cut("\xff\xfe\xe6", 2) == "\xff\xfe");   // no UTF-8: a column each
}

BOOST_AUTO_TEST_CASE(no_drawn_line_is_wider_than_the_terminal) {
  const canopy::test::Environment kind("TERM", "xterm");
  const Folder folder;
  constexpr std::size_t columns = 21;
  const std::string text = shown(run_in(folder), columns);
  BOOST_TEST(text.find("\x1b[") != std::string::npos);
  BOOST_TEST(text.find("[......") != std::string::npos);  // the bar
  std::size_t drawn = 0;
  for (std::size_t begin = 0, end; (end = text.find("\r\n", begin)) != std::string::npos; begin = end + 2) {
    std::string line = text.substr(begin, end - begin);
    if (const auto codes = line.rfind("\x1b[J"); codes != std::string::npos) line = line.substr(codes + 3);
    const bool display = line.starts_with("  ") || line.starts_with("[.") || line.starts_with("[#");
    if (!display) continue;  // the banner, and a line for each cell: they stay
    BOOST_TEST(line.size() <= columns, line);
    ++drawn;
  }
  BOOST_TEST(drawn > 5u);
}

BOOST_AUTO_TEST_CASE(a_dumb_terminal_gets_plain_lines) {
  const Folder folder;
  for (const char* kind : {"dumb", ""}) {
    const canopy::test::Environment dumb("TERM", kind);
    const std::string text = shown(run_in(folder) + kind, 80);
    BOOST_TEST(text.find('\x1b') == std::string::npos, text);
    BOOST_TEST(text.find("[2/2] none-f") != std::string::npos, text);
    BOOST_TEST(text.find("epoch 5/5  validation ") != std::string::npos, text);
    BOOST_TEST(text.find(" %") != std::string::npos, text);
  }
}

BOOST_AUTO_TEST_CASE(progress_counts_what_the_experiment_counts) {
  const canopy::test::Environment dumb("TERM", "dumb");
  const Folder folder;
  const std::string text = shown("run other/regression --out " + (folder / "run").string(), 80);
  BOOST_TEST(text.find("step 200/200  RMSE ") != std::string::npos, text);
  BOOST_TEST(text.find(" m") != std::string::npos, text);
}

BOOST_AUTO_TEST_SUITE_END()
