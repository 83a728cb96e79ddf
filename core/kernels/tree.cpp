#include <canopy/core/kernels/tree.hpp>

#include <type_traits>
#include <vector>

#include <canopy/core/kernels/simd_math.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

constexpr std::int64_t rows_grain = 64;

// Beyond +-200 as there, where e = exp(-|z|) is 0: infinity times 0 would be NaN.
Batch bounded(const Batch& z) { return xsimd::min(Batch(200.f), xsimd::max(Batch(-200.f), z)); }

// H(sigmoid(z)) = log(1 + e) + |z| e / (1 + e) with e = exp(-|z|): no cancellation where a node has hardened.
Batch entropy(const Batch& z) {
  const Batch magnitude = xsimd::abs(bounded(z));
  const Batch e = simd::exp(-magnitude);
  return xsimd::log1p(e) + magnitude * e / (1.f + e);
}

// dH/dz = -z p (1 - p) with p (1 - p) = e / (1 + e)^2, likewise.
Batch entropy_slope(const Batch& z) {
  const Batch e = simd::exp(-xsimd::abs(z));
  return bounded(z) * (-e / ((1.f + e) * (1.f + e)));
}

// Children of one level from their parents: next = [(1 - c) r, c r] interleaved. A plain loop: with xsimd 8.1's zip_lo
// and zip_hi and 512-bit registers the children came out in the wrong order.
void descend(const float* reach, const float* choice, std::int64_t nodes, float* next) {
  for (std::int64_t k = 0; k < nodes; ++k) {
    const float right = reach[k] * choice[k];
    next[2 * k] = reach[k] - right;
    next[2 * k + 1] = right;
  }
}

}  // namespace

void hard_decisions(const float* z, std::int64_t count, float* choice) {
  simd::map(
      count, choice, [](Batch v) { return xsimd::select(v >= 0.f, Batch(1.f), Batch(0.f)); }, z);
}

void tree_paths(const float* choice, std::int64_t batch, int depth, float* reach, float* path) {
  const std::int64_t leaves = std::int64_t{1} << depth;
  const std::int64_t nodes = leaves - 1;
  parallel_for(batch, rows_grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const float* c = choice + b * nodes;
      float* r = reach + b * nodes;
      float* s = path + b * leaves;
      (depth == 0 ? s : r)[0] = 1.f;
      for (int level = 0; level < depth; ++level) {
        const std::int64_t first = (std::int64_t{1} << level) - 1;
        float* next = level + 1 == depth ? s : r + 2 * first + 1;
        descend(r + first, c + first, first + 1, next);
      }
    }
  });
}

void tree_paths_backward(const float* choice, const float* reach, const float* p, const float* dpath,
                         std::int64_t batch, int depth, float* dz) {
  const std::int64_t leaves = std::int64_t{1} << depth;
  const std::int64_t nodes = leaves - 1;
  if (nodes == 0) return;
  parallel_for(batch, rows_grain, [=](std::int64_t begin, std::int64_t end) {
    std::vector<float> above(static_cast<std::size_t>(leaves));
    for (std::int64_t b = begin; b < end; ++b) {
      const float* c = choice + b * nodes;
      const float* d = dpath + b * leaves;
      float* out = dz + b * nodes;
      // Each level's D overwrites the buffer of the one below: D_k only reads 2k and 2k + 1.
      for (int level = depth - 1; level >= 0; --level) {
        const std::int64_t first = (std::int64_t{1} << level) - 1;
        for (std::int64_t k = 0; k <= first; ++k) {
          const float left = d[2 * k];
          const float difference = d[2 * k + 1] - left;
          above[static_cast<std::size_t>(k)] = left + c[first + k] * difference;
          out[first + k] = difference;
        }
        d = above.data();
      }
    }
    const std::int64_t from = begin * nodes;
    const std::int64_t to = end * nodes;
    simd::map_serial(
        from, to, dz, [](Batch d, Batch r, Batch q) { return d * r * (q * (1.f - q)); }, dz, reach, p);
  });
}

double node_entropy(const float* z, const float* weight, std::int64_t count) {
  if (weight == nullptr) return simd::sum(count, entropy, z);
  return simd::sum(
      count, [](Batch v, Batch w) { return w * entropy(v); }, z, weight);
}

void node_entropy_backward(const float* z, const float* weight, float scale, std::int64_t count, float* dz) {
  const Batch s(scale);
  if (weight == nullptr) {
    simd::map(
        count, dz, [s](Batch v) { return s * entropy_slope(v); }, z);
  } else {
    simd::map(
        count, dz, [s](Batch v, Batch w) { return s * w * entropy_slope(v); }, z, weight);
  }
}

void node_entropies(const float* z, std::int64_t count, float* out) {
  simd::map(
      count, out, [](Batch v) { return entropy(v); }, z);
}

// The loops over a leaf's neurons, with the usual leaf widths as constants: short loops of unknown length do not
// vectorise.
template <class F>
void with_leaf_width(std::int64_t leaf_width, F f) {
  switch (leaf_width) {
    case 2:
      return f(std::integral_constant<std::int64_t, 2>());
    case 4:
      return f(std::integral_constant<std::int64_t, 4>());
    case 8:
      return f(std::integral_constant<std::int64_t, 8>());
    case 16:
      return f(std::integral_constant<std::int64_t, 16>());
    case 32:
      return f(std::integral_constant<std::int64_t, 32>());
    default:
      return f(leaf_width);
  }
}

void weigh_leaves(const float* path, const float* hidden, std::int64_t paths, std::int64_t leaf_width,
                  float* weighted) {
  parallel_for(paths, std::max<std::int64_t>(simd::grain / leaf_width, 1), [=](std::int64_t begin, std::int64_t end) {
    if (leaf_width == 1) {
      simd::map_serial(
          begin, end, weighted, [](Batch s, Batch h) { return s * h; }, path, hidden);
      return;
    }
    with_leaf_width(leaf_width, [&](auto width) {
      for (std::int64_t i = begin; i < end; ++i) {
        for (std::int64_t j = 0; j < width; ++j) weighted[i * width + j] = path[i] * hidden[i * width + j];
      }
    });
  });
}

void weigh_leaves_backward(const float* path, const float* hidden, const float* dweighted, std::int64_t paths,
                           std::int64_t leaf_width, float* dpath, float* dhidden) {
  parallel_for(paths, std::max<std::int64_t>(simd::grain / leaf_width, 1), [=](std::int64_t begin, std::int64_t end) {
    if (leaf_width == 1) {
      simd::map_serial(
          begin, end, dpath, [](Batch d, Batch h, Batch w) { return d + h * w; }, dpath, hidden, dweighted);
      if (dhidden != nullptr) {
        simd::map_serial(
            begin, end, dhidden, [](Batch s, Batch w) { return s * w; }, path, dweighted);
      }
      return;
    }
    with_leaf_width(leaf_width, [&](auto width) {
      for (std::int64_t i = begin; i < end; ++i) {
        float sum = 0.f;
#pragma omp simd reduction(+ : sum)
        for (std::int64_t j = 0; j < width; ++j) sum += hidden[i * width + j] * dweighted[i * width + j];
        dpath[i] += sum;
      }
      if (dhidden == nullptr) return;
      for (std::int64_t i = begin; i < end; ++i) {
        for (std::int64_t j = 0; j < width; ++j) dhidden[i * width + j] = path[i] * dweighted[i * width + j];
      }
    });
  });
}

}  // namespace canopy::kernels
