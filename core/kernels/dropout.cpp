#include <canopy/core/kernels/dropout.hpp>

#include <canopy/core/threads.hpp>

namespace canopy::kernels {

void dropout_mask(RandomStream& stream, float probability, float* mask, std::int64_t n) {
  constexpr std::int64_t numbers_a_block = 4;
  constexpr std::int64_t grain = 1 << 13;  // a number costs some nanoseconds
  const std::uint64_t start = stream.position();
  const float scale = 1.f / (1.f - probability);
  parallel_for(n, grain, [=](std::int64_t begin, std::int64_t end) {
    RandomStream own = stream;
    own.seek(start + static_cast<std::uint64_t>(begin / numbers_a_block));
    const std::span part(mask + begin, static_cast<std::size_t>(end - begin));
    own.fill_bernoulli(part, probability);
    for (float& m : part) m = m != 0.f ? 0.f : scale;
  });
  stream.seek(start + static_cast<std::uint64_t>((n + numbers_a_block - 1) / numbers_a_block));
}

}  // namespace canopy::kernels
