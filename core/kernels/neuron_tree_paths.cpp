#include <canopy/core/kernels/neuron_tree.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

#include <canopy/core/kernels/simd_dots.hpp>
#include <canopy/core/kernels/simd_sums.hpp>

namespace canopy::kernels {
namespace {

using simd::for_each_strip;
using simd::long_strip;
using simd::rest_sum;
using simd::strip_sum;
using simd::Term;
using simd::Write;

constexpr std::int64_t rows_grain = 64;
// Floats of an output that will have left the cache before anyone reads it.
constexpr std::int64_t large_output = 1 << 21;
// The weights of the nodes on the way to a bottom, by level.
using Path = std::array<const float*, 32>;
Path path_to(std::int64_t bottom, int depth, const float* w, std::int64_t width) {
  Path path{};
  std::int64_t node = (std::int64_t{1} << depth) - 1 + bottom;
  for (int level = depth; level >= 0; --level, node = (node - 1) / 2) {
    path[static_cast<std::size_t>(level)] = w + node * width;
  }
  return path;
}

// Rows that share their path: strips outside, so that a strip's weights are read from the first cache. The strips of
// the next path are prefetched, from the level on where it parts.
template <Write write>
void sums_of_rows(const Path& path, int levels, std::int64_t width, const std::int32_t* rows, std::int64_t n,
                  const float* coefficient, float* y, const Path& next, int parts_at) {
  const auto each_row = [&](auto sum) {
    for (std::int64_t i = 0; i < n; ++i) {
      const float* a = coefficient + rows[i] * levels;
      sum([&](std::int64_t l) { return Term{a[l], path[static_cast<std::size_t>(l)]}; }, y + rows[i] * width);
    }
  };
  for_each_strip(
      0, width,
      [&]<std::size_t S>(std::int64_t j, std::integral_constant<std::size_t, S>) {
        for (auto l = static_cast<std::size_t>(parts_at); l < static_cast<std::size_t>(levels); ++l) {
          for (std::int64_t i = j; i < j + static_cast<std::int64_t>(S) * simd::width; i += simd::cache_line) {
            __builtin_prefetch(next[l] + i);
          }
        }
        each_row([&](const auto& term, float* out) { strip_sum<S, write>(j, levels, term, out); });
      },
      [&](std::int64_t j, std::int64_t count) {
        each_row([&](const auto& term, float* out) { rest_sum<write>(j, count, levels, term, out); });
      });
}

// Calls f(first position, number of rows, bottom, next bottom) for each run of rows of one bottom in [begin, end).
template <class F>
void for_each_bottom(const PathOrder& paths, std::int64_t begin, std::int64_t end, F f) {
  const std::int32_t *bottom = paths.rows.used.data(), *starts = paths.rows.begin.data();
  std::int64_t u = std::upper_bound(starts, starts + paths.rows.begin.size(), begin) - starts - 1;
  for (std::int64_t i = begin; i < end; ++u) {
    const std::int64_t stop = std::min<std::int64_t>(end, starts[u + 1]);
    f(i, stop - i, bottom[u], bottom[stop < end ? u + 1 : u]);
    i = stop;
  }
}

}  // namespace

void path_sums(const PathOrder& paths, const float* coefficient, const float* w, std::int64_t width, bool accumulate,
               float* y) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(y) % 64 == 0 && width % simd::cache_line == 0;
  const auto sums = accumulate                                         ? sums_of_rows<Write::add>
                    : aligned && paths.batch() * width >= large_output ? sums_of_rows<Write::past_the_cache>
                                                                       : sums_of_rows<Write::over>;
  parallel_for(paths.batch(), rows_grain, [=, &paths](std::int64_t begin, std::int64_t end) {
    for_each_bottom(paths, begin, end, [&](std::int64_t i, std::int64_t n, std::int64_t bottom, std::int64_t next) {
      const auto apart = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(bottom ^ next)));
      sums(path_to(bottom, paths.depth, w, width), paths.levels(), width, paths.rows.order.data() + i, n, coefficient,
           y, path_to(next, paths.depth, w, width), paths.levels() - apart);
    });
  });
}

void path_sum(int depth, std::int32_t bottom, const float* coefficient, const float* w, std::int64_t width,
              bool accumulate, float* y) {
  const Path path = path_to(bottom, depth, w, width);
  const std::int32_t row = 0;
  const auto sum = accumulate ? sums_of_rows<Write::add> : sums_of_rows<Write::over>;
  sum(path, depth + 1, width, &row, 1, coefficient, y, path, depth + 1);
}

void path_dots(const PathOrder& paths, const float* x, const float* w, std::int64_t width, float* dot) {
  parallel_for(paths.batch(), rows_grain, [=, &paths](std::int64_t begin, std::int64_t end) {
    for_each_bottom(paths, begin, end, [&](std::int64_t first, std::int64_t n, std::int64_t bottom, std::int64_t) {
      const Path path = path_to(bottom, paths.depth, w, width);
      const auto tile = [&]<std::size_t R, std::size_t N>(std::int64_t i, int level,
                                                          std::integral_constant<std::size_t, R>,
                                                          std::integral_constant<std::size_t, N>) {
        std::array<const float*, R> rows;
        for (std::size_t r = 0; r < R; ++r)
          rows[r] = x + paths.rows.order.data()[i + static_cast<std::int64_t>(r)] * width;
        std::array<float, R * N> sums;
        simd::dots<R, N>(rows.data(), path.data() + level, width, sums.data(), rows.data());
        for (std::size_t r = 0; r < R; ++r) {
          float* to = dot + paths.rows.order.data()[i + static_cast<std::int64_t>(r)] * paths.levels() + level;
          std::copy_n(sums.begin() + r * N, N, to);
        }
      };
      const auto all_levels = [&](std::int64_t i, auto rows) {
        int level = 0;
        for (; level + 3 <= paths.levels(); level += 3) tile(i, level, rows, std::integral_constant<std::size_t, 3>());
        for (; level < paths.levels(); ++level) tile(i, level, rows, std::integral_constant<std::size_t, 1>());
      };
      std::int64_t i = first;
      for (; i + 2 <= first + n; i += 2) all_levels(i, std::integral_constant<std::size_t, 2>());
      if (i < first + n) all_levels(i, std::integral_constant<std::size_t, 1>());
    });
  });
}

std::vector<std::int32_t> visited_nodes(const PathOrder& paths) {
  std::vector<std::int32_t> nodes;
  for (int level = 0; level <= paths.depth; ++level) {
    const std::int32_t first = (std::int32_t{1} << level) - 1;
    const auto count = nodes.size();
    for (const std::int32_t bottom : paths.rows.used.elements()) {
      const std::int32_t node = first + (bottom >> (paths.depth - level));
      if (nodes.size() == count || nodes.back() != node) nodes.push_back(node);
    }
  }
  return nodes;
}

SortedPaths::SortedPaths(int depth, const std::int32_t* bottom, std::int64_t batch)
    : order_{depth, group_items(bottom, batch, std::int64_t{1} << depth)}, nodes_(visited_nodes(order_)) {}

void path_gradients(const PathOrder& paths, const float* coefficient, const float* x, std::int64_t width,
                    const std::int32_t* nodes, std::int64_t n, float* gradient) {
  // Every level is as much work as every other: all rows. The root's rows are not shared out, its columns are.
  constexpr std::int64_t columns = static_cast<std::int64_t>(long_strip) * simd::width;
  const std::int64_t chunks = (width + columns - 1) / columns;
  const int levels = paths.levels();
  const std::int64_t bottoms = paths.rows.used.size();
  const std::int32_t *bottom = paths.rows.used.data(), *starts = paths.rows.begin.data();
  const auto level_of = [&](int level) { return std::lower_bound(nodes, nodes + n, (1 << level) - 1) - nodes; };
  const auto chunk_of_level = [&](int level, std::int64_t begin, std::int64_t end) {
    const int below = paths.depth - level;
    std::int64_t u = 0;
    for (std::int64_t i = level_of(level); i < level_of(level + 1); ++i) {
      const std::int64_t first = u;
      while (u < bottoms && bottom[u] >> below == bottom[first] >> below) ++u;
      const std::int32_t* rows = paths.rows.order.data() + starts[first];
      const std::int64_t count = starts[u] - starts[first];
      const auto term = [&](std::int64_t r) {
        return Term{coefficient[rows[r] * levels + level], x + rows[r] * width};
      };
      for_each_strip(
          begin, end,
          [&]<std::size_t S>(std::int64_t j, std::integral_constant<std::size_t, S>) {
            strip_sum<S, Write::over>(j, count, term, gradient + i * width);
          },
          [&](std::int64_t j, std::int64_t rest) {
            rest_sum<Write::over>(j, rest, count, term, gradient + i * width);
          });
    }
  };
  const std::int64_t items_a_thread = simd::items_per_grain(paths.batch() * std::min(width, columns));
  parallel_for(levels * chunks, items_a_thread, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t j = item % chunks * columns;
      chunk_of_level(static_cast<int>(item / chunks), j, std::min(width, j + columns));
    }
  });
}

}  // namespace canopy::kernels
