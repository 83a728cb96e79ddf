#include <canopy/datasets/text/corpus/masked_text.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

constexpr double become_mask = 0.8, change = 0.9;  // the latter with the former

enum class Fate : std::uint8_t { left_alone, mask, replaced, kept };

Fate fate(double draw) { return draw < become_mask ? Fate::mask : draw < change ? Fate::replaced : Fate::kept; }

/// Four numbers for every token, in [0, 1).
struct Draws {
  std::span<const float> numbers;

  float choice(std::size_t token) const { return numbers[4 * token]; }
  float fate(std::size_t token) const { return numbers[4 * token + 1]; }
  /// Of 48 bits: those of one float would make some ids likelier than others.
  std::int32_t id(std::size_t token, std::int64_t vocabulary_size) const {
    const double draw = double{numbers[4 * token + 2]} + 0x1p-24 * double{numbers[4 * token + 3]};
    return static_cast<std::int32_t>(draw * static_cast<double>(vocabulary_size));
  }
};

void choose_each(std::span<const std::int32_t> ids, const SpecialTokens& special, double share, const Draws& draws,
                 std::span<Fate> fates) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (draws.choice(i) < share && !special.contains(ids[i])) fates[i] = fate(draws.fate(i));
  }
}

/// The tokens of the smallest draws, in the order of these.
void choose_exactly(double share, const Draws& draws, std::span<Fate> fates) {
  std::vector<std::size_t> order(fates.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::size_t token) { return draws.choice(token); });
  const double chosen = std::nearbyint(share * static_cast<double>(fates.size()));
  const double masks = std::nearbyint(become_mask * chosen), changes = std::nearbyint(change * chosen);
  for (std::size_t i = 0; i < static_cast<std::size_t>(chosen); ++i) {
    const auto rank = static_cast<double>(i);
    fates[order[i]] = rank < masks ? Fate::mask : rank < changes ? Fate::replaced : Fate::kept;
  }
}

}  // namespace

MaskedText::MaskedText(PackedSequences sequences, const Masking& masking)
    : sequences_(std::move(sequences)), masking_(masking), seed_(current_seed()) {
  if (!(masking.share > 0 && masking.share <= 1)) {
    throw ConfigError(fmt::format("MaskedText: share must be above 0 and at most 1, not {}", masking.share));
  }
}

void MaskedText::start_pass(std::uint64_t pass) { pass_ = pass; }

std::pair<Indices, MaskedTokens> MaskedText::batch(std::span<const std::int64_t> indices) const {
  Indices ids = sequences_.batch(indices);
  const std::span<std::int32_t> all = ids.mutable_elements();
  const auto length = static_cast<std::size_t>(sequences_.length());
  RandomStream random(seed_, fmt::format("masking {}", pass_));
  std::vector<float> numbers(4 * length);  // a block of the stream for each token
  std::vector<Fate> fates(length);
  std::vector<std::int32_t> positions, labels;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    random.seek(length * static_cast<std::uint64_t>(indices[i]));
    random.fill_uniform(numbers, 0.f, 1.f);
    const Draws draws{numbers};
    const std::span<std::int32_t> row = all.subspan(i * length, length);
    std::ranges::fill(fates, Fate::left_alone);
    if (masking_.rule == MaskingRule::each_token) {
      choose_each(row, sequences_.special(), masking_.share, draws, fates);
    } else {
      choose_exactly(masking_.share, draws, fates);
    }
    for (std::size_t j = 0; j < length; ++j) {
      if (fates[j] == Fate::left_alone) continue;
      positions.push_back(static_cast<std::int32_t>(i * length + j));
      labels.push_back(row[j]);
      if (fates[j] == Fate::mask) row[j] = sequences_.special().mask;
      if (fates[j] == Fate::replaced) row[j] = draws.id(j, sequences_.vocabulary_size());
    }
  }
  return {ids,
          {.positions = Indices({std::ssize(positions)}, positions), .labels = Indices({std::ssize(labels)}, labels)}};
}

}  // namespace canopy
