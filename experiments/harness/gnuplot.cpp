#include <canopy/experiments/harness/gnuplot.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>
#include <sstream>
#include <utility>

#include <canopy/core/file.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace canopy::harness {
namespace {

/// Single quotes: gnuplot takes everything between them as it is, but for a quote, which is doubled, and a new line.
std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "''";
    } else {
      out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return out + "'";
}

/// The identifiers of an SVG's parts begin with it, so that a page may hold several.
std::string identifier(const std::string& name) {
  std::string out = name;
  std::ranges::replace_if(
      out, [](char c) { return c == '-' || c == '.'; }, '_');
  return out;
}

/// Rows of x and the other columns; what is not finite is NaN.
std::string data_block(const std::string& name, const std::vector<double>& x,
                       const std::vector<const std::vector<double>*>& columns) {
  std::string out = fmt::format("${} << END\n", name);
  for (std::size_t i = 0; i < x.size(); ++i) {
    out += fmt::format("{}", x[i]);
    for (const std::vector<double>* column : columns) {
      out += std::isfinite((*column)[i]) ? fmt::format(" {}", (*column)[i]) : " NaN";
    }
    out += "\n";
  }
  return out + "END\n";
}

/// The range that all lines lie in, not empty.
std::pair<double, double> range_of_x(const Figure& figure) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Panel& panel : figure.panels) {
    for (const Line& line : panel.lines) {
      for (const double x : line.x) {
        low = std::min(low, x);
        high = std::max(high, x);
      }
    }
  }
  return {low, high > low ? high : low + 1};
}

/// Of the panel that has the most.
std::size_t names_in_legend(const Figure& figure) {
  std::ptrdiff_t most = 0;
  for (const Panel& panel : figure.panels) {
    most = std::max(most, std::ranges::count_if(panel.lines, [](const Line& line) { return !line.title.empty(); }));
  }
  return static_cast<std::size_t>(most);
}

std::string script(const Figure& figure) {
  const std::size_t panels = figure.panels.size();
  const std::size_t names = names_in_legend(figure);
  const bool beside = names > 8;  // more than a panel has room for
  const std::size_t width = (panels > 1 ? 600 : 900) + (beside ? 150 : 0);
  const std::size_t height = std::max<std::size_t>(panels > 1 ? 400 : 600, beside ? 100 + 18 * names : 0);
  const auto across = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(panels))));
  const std::size_t down = panels == 0 ? 0 : (panels + across - 1) / across;
  const auto [low, high] = range_of_x(figure);
  std::string out = fmt::format(
      "set terminal svg size {},{} noenhanced name '{}' font 'sans-serif,12' background 'white'\n"
      "set encoding utf8\n"
      "set grid\n"
      "set key {}\n"
      "set xlabel {}\n"
      "set ylabel {}\n"
      "set xrange [{}:{}]\n"
      "set multiplot layout {},{} title {}\n",
      width * across, height * std::max<std::size_t>(down, 1), identifier(figure.name),
      beside ? "outside top right maxcols 1" : fmt::format("inside {} opaque", figure.legend),
      in_quotes(figure.x_label), in_quotes(figure.y_label), low, high, down, across, in_quotes(figure.title));
  for (const Panel& panel : figure.panels) {
    std::vector<std::string> plots;
    for (const Line& line : panel.lines) {  // bands first: no line lies under one
      if (line.low.empty() || line.x.size() < 2) continue;
      const std::string block = fmt::format("band{}", plots.size());
      out += data_block(block, line.x, {&line.low, &line.high});
      plots.push_back(
          fmt::format("${} using 1:2:3 with filledcurves fillstyle transparent solid 0.15 noborder "
                      "linecolor rgb {} notitle",
                      block, in_quotes(line.colour)));
    }
    for (const Line& line : panel.lines) {
      const std::string block = fmt::format("line{}", plots.size());
      out += data_block(block, line.x, {&line.y});
      // One point makes no line.
      plots.push_back(fmt::format("${} using 1:2 with {} linewidth {} dashtype {} linecolor rgb {} {}", block,
                                  line.x.size() > 1 ? "lines" : "linespoints pointtype 7 pointsize 0.5", line.width,
                                  line.dashes, in_quotes(line.colour),
                                  line.title.empty() ? "notitle" : fmt::format("title {}", in_quotes(line.title))));
    }
    out += fmt::format("set title {}\nplot {}\n", in_quotes(panel.title), fmt::join(plots, ", \\\n  "));
  }
  return out + "unset multiplot\n";
}

/// A file in memory: unlike pipes, none of the two processes waits for the other.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : descriptor_(::memfd_create(name, MFD_CLOEXEC)) {
    if (descriptor_ < 0) throw Error(fmt::format("memfd_create: {}", std::strerror(errno)));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int descriptor() const { return descriptor_; }
  /// Another opening of it, which begins at the beginning.
  std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

/// The words of gnuplot's errors in one line, without the script's line above and the mark below.
std::string in_one_line(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  for (std::string word; words >> word;) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string run(const std::string& text) {
  const MemoryFile script("script"), out("out"), err("err");
  FileAppender(script.path()).write(text.data(), text.size());
  // Without the settings of ~/.gnuplot, so that the figures are the same for everyone.
  const char* argv[] = {"gnuplot", "--default-settings", "-", nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, script.descriptor(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.descriptor(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.descriptor(), STDERR_FILENO);
  pid_t process = -1;
  const int error = ::posix_spawnp(&process, argv[0], &actions, nullptr, const_cast<char**>(argv), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw GnuplotMissing(
        fmt::format("plots need gnuplot (package gnuplot-nox), which cannot be started: {}", std::strerror(error)));
  }
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) throw Error(fmt::format("gnuplot: ended by signal {}", WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) throw Error(fmt::format("gnuplot: {}", in_one_line(read_file(err.path()))));
  return read_file(out.path());
}

}  // namespace

std::string colour(std::size_t i) {
  constexpr const char* colours[] = {"#1f6fb4", "#d9730d", "#2a9d4a", "#c0392b", "#8257a8", "#7a5c3e",
                                     "#4a4a4a", "#0fa3a3", "#e377c2", "#9a9a1a", "#10307a", "#f2a900",
                                     "#7fb2e5", "#7a0f3c", "#8fd19e", "#f29a8e", "#c3a6e0", "#9a9a9a"};
  return colours[i % std::size(colours)];
}

std::string to_svg(const Figure& figure) { return run(script(figure)); }

}  // namespace canopy::harness
