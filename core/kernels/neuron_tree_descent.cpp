#include <canopy/core/kernels/neuron_tree.hpp>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include <canopy/core/kernels/grouping.hpp>
#include <canopy/core/kernels/simd_dots.hpp>

namespace canopy::kernels {
namespace {

// A block of rows of usual width stays in the second-level cache, and so do the nodes of the top levels.
constexpr std::int64_t block = 64;
constexpr int top_levels = 6;
// So do a piece of the rows at one of the nodes below and its subtree of the usual depth.
constexpr std::int64_t piece = 96;

// Fewer rows at a node than this go on alone, several of them side by side.
constexpr std::int64_t fewest_together = 4;

// Sends rows down from node to node. Levels are computed two at a time: of the three nodes of such a unit only two are
// on a row's path, but a tile of rows and nodes runs at the speed of additions, where single products wait for their
// operands.
class Descent {
 public:
  // Rows stop above level `stop`, of which `node` gets their nodes, or at the last level.
  Descent(const NeuronTree& tree, const float* x, int stop, std::int32_t* node, float* z)
      : tree_(tree), x_(x), stop_(stop), node_(node), z_(z) {}

  // `rows` [n], all at `node` of `level`. They are reordered. The rows `next` [next_n] are prefetched.
  void operator()(std::int32_t* rows, std::int64_t n, std::int64_t node, int level, const std::int32_t* next,
                  std::int64_t next_n) {
    first_level_ = level;
    next_ = next;
    next_end_ = next + next_n;
    spare_.resize(std::max(spare_.size(), static_cast<std::size_t>(n)));
    child_.resize(spare_.size());
    together(rows, n, node, level);
    alone();
  }

 private:
  struct Lone {
    std::int32_t row;
    int level;
    std::int64_t node;
  };

  void together(std::int32_t* rows, std::int64_t n, std::int64_t node, int level) {
    if (level == stop_) {
      for (std::int64_t i = 0; i < n; ++i) node_[rows[i]] = static_cast<std::int32_t>(node);
      return;
    }
    if (n < fewest_together) {
      for (std::int64_t i = 0; i < n; ++i) lone_.push_back({rows[i], level, node});
      return;
    }
    const int levels = std::min(stop_ - level, 2);
    if (levels == 2) {
      unit<2>(rows, n, node, level);
    } else {
      unit<1>(rows, n, node, level);
    }
    // Counting sort by child.
    std::array<std::int64_t, 5> begin{};
    for (std::int64_t i = 0; i < n; ++i) ++begin[static_cast<std::size_t>(child_[static_cast<std::size_t>(i)]) + 1U];
    for (std::size_t c = 1; c < 5; ++c) begin[c] += begin[c - 1];
    std::array<std::int64_t, 5> next = begin;
    for (std::int64_t i = 0; i < n; ++i) {
      spare_[static_cast<std::size_t>(next[child_[static_cast<std::size_t>(i)]]++)] = rows[i];
    }
    std::copy_n(spare_.begin(), n, rows);
    const std::int64_t first_child = ((node + 1) << levels) - 1;
    for (std::int64_t c = 0; c < std::int64_t{1} << levels; ++c) {
      const std::int64_t from = begin[static_cast<std::size_t>(c)];
      const std::int64_t to = begin[static_cast<std::size_t>(c) + 1];
      if (from < to) together(rows + from, to - from, first_child + c, level + levels);
    }
  }

  // The logits of `rows` at the nodes of the next U levels; child_ is where each goes below them, 0 .. 2^U - 1.
  template <int U>
  void unit(const std::int32_t* rows, std::int64_t n, std::int64_t node, int level) {
    constexpr std::size_t nodes = (1 << U) - 1;
    constexpr std::size_t tile = simd::most_dots / nodes >= 4 ? 4 : 2;
    Unit<U> unit;
    std::size_t i = 0;
    for (int l = 0; l < U; ++l) {
      for (std::int64_t k = 0; k < (1 << l); ++k, ++i) {
        const std::int64_t at = ((node + 1) << l) - 1 + k;
        unit.w[i] = tree_.weights + at * tree_.inputs;
        unit.bias[i] = tree_.bias == nullptr ? 0.f : tree_.bias[at];
      }
    }
    std::int64_t b = 0;
    for (; b + static_cast<std::int64_t>(tile) <= n; b += static_cast<std::int64_t>(tile))
      rows_of_unit<U, tile>(unit, rows, b, n, level);
    for (; b < n; ++b) rows_of_unit<U, 1>(unit, rows, b, n, level);
  }

  template <int U>
  struct Unit {
    std::array<const float*, (1 << U) - 1> w;
    std::array<float, (1 << U) - 1> bias;
  };

  template <int U, std::size_t R>
  void rows_of_unit(const Unit<U>& unit, const std::int32_t* rows, std::int64_t b, std::int64_t n, int level) {
    constexpr std::size_t nodes = (1 << U) - 1;
    std::array<const float*, R> x, ahead;
    for (std::size_t r = 0; r < R; ++r) {
      const auto at = b + static_cast<std::int64_t>(r);
      x[r] = x_ + rows[at] * tree_.inputs;
      ahead[r] = x_ + rows[std::min(at + 2 * static_cast<std::int64_t>(R), n - 1)] * tree_.inputs;
      // Below the first level rows are in the second-level cache, and the memory is free for the next ones.
      if (level > first_level_ && next_ != next_end_) ahead[r] = x_ + *next_++ * tree_.inputs;
    }
    std::array<float, R * nodes> dot;
    simd::dots<R, nodes>(x.data(), unit.w.data(), tree_.inputs, dot.data(), ahead.data());
    for (std::size_t r = 0; r < R; ++r) {
      float* z = z_ + rows[b + static_cast<std::int64_t>(r)] * tree_.levels() + level;
      std::size_t at = 0;  // within the unit, in heap order
      for (int l = 0; l < U; ++l) {
        z[l] = dot[r * nodes + at] + unit.bias[at];
        at = 2 * at + 1 + (z[l] > 0.f ? 1 : 0);
      }
      child_[static_cast<std::size_t>(b) + r] = static_cast<std::uint8_t>(at - nodes);
    }
  }

  // The rows that are left alone at their nodes, four at a time: one would wait for its own additions. The place that a
  // row leaves is taken by the next.
  void alone() {
    constexpr std::size_t places = 4;
    std::array<Lone, places> at;
    std::size_t next = 0, taken = 0;
    while (true) {
      while (taken < places && next < lone_.size()) at[taken++] = lone_[next++];
      if (taken == 0) break;
      std::array<const float*, places> x, w;
      for (std::size_t j = 0; j < places; ++j) {
        const Lone& one = at[std::min(j, taken - 1)];
        x[j] = x_ + one.row * tree_.inputs;
        w[j] = tree_.weights + one.node * tree_.inputs;
      }
      std::array<float, places> dot;
      if (taken > 1) {
        simd::paired_dots<places>(x.data(), w.data(), tree_.inputs, dot.data());
      } else {
        simd::paired_dots<1>(x.data(), w.data(), tree_.inputs, dot.data());
      }
      for (std::size_t j = taken; j-- > 0;) {
        Lone& one = at[j];
        const float z = dot[j] + (tree_.bias == nullptr ? 0.f : tree_.bias[one.node]);
        z_[one.row * tree_.levels() + one.level] = z;
        one.node = 2 * one.node + 1 + (z > 0.f ? 1 : 0);
        if (++one.level == stop_) {
          node_[one.row] = static_cast<std::int32_t>(one.node);
          one = at[--taken];
        }
      }
    }
    lone_.clear();
  }

  NeuronTree tree_;
  const float* x_;
  int stop_;
  std::int32_t* node_;
  float* z_;
  int first_level_ = 0;
  const std::int32_t* next_ = nullptr;
  const std::int32_t* next_end_ = nullptr;
  std::vector<std::int32_t> spare_;
  std::vector<std::uint8_t> child_;
  std::vector<Lone> lone_;
};

}  // namespace

// The top levels for a block of rows at a time, so that the inputs are read from memory once; then the other levels for
// all rows in the order of the nodes that they have reached, which is the second and last time.
void descend(const NeuronTree& tree, const float* x, std::int64_t batch, std::int32_t* bottom, float* z) {
  const int top = batch <= block ? tree.levels() : std::min(tree.levels(), top_levels);
  std::int32_t* node = bottom;
  parallel_for(batch, block, [&](std::int64_t begin, std::int64_t end) {
    Descent descent(tree, x, top, node, z);
    std::vector<std::int32_t> rows(static_cast<std::size_t>(end - begin));
    std::iota(rows.begin(), rows.end(), static_cast<std::int32_t>(begin));
    for (std::int64_t b = begin; b < end; b += block) {
      const std::int64_t n = std::min(block, end - b);
      std::int32_t* here = rows.data() + (b - begin);
      descent(here, n, 0, 0, here + n, std::min(block, end - b - n));
    }
  });
  if (top < tree.levels()) {
    const std::int64_t nodes = std::int64_t{1} << top;
    std::vector<std::int32_t> rows(static_cast<std::size_t>(batch));
    for (std::int64_t b = 0; b < batch; ++b) node[b] -= static_cast<std::int32_t>(nodes - 1);
    sort_by_group(node, batch, nodes, rows.data());
    parallel_for(batch, block, [&](std::int64_t begin, std::int64_t end) {
      Descent descent(tree, x, tree.levels(), node, z);
      const auto node_at = [&](std::int64_t b) { return node[rows[static_cast<std::size_t>(b)]]; };
      for (std::int64_t b = begin; b < end;) {
        const std::int32_t here = node_at(b);
        std::int64_t n = 1;
        while (n < piece && b + n < end && node_at(b + n) == here) ++n;
        descent(rows.data() + b, n, nodes - 1 + here, top, rows.data() + b + n, std::min(piece, end - b - n));
        b += n;
      }
    });
  }
  // Rows now stand at the nodes that would come next.
  const std::int32_t first = (std::int32_t{2} << tree.depth) - 1;
  for (std::int64_t b = 0; b < batch; ++b) bottom[b] = (node[b] - first) / 2;
}

}  // namespace canopy::kernels
