#include <canopy/datasets/text/corpus/masked_text.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/datasets/data_loader.hpp>

#include <datasets/files.hpp>
#include <datasets/packed.hpp>
#include <support/errors.hpp>
#include <support/same_bits.hpp>
#include <support/temporary_folder.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(masked_text)

namespace {

constexpr std::int64_t length = 128;

/// Some 300 sequences.
PackedSequences sequences() {
  const TemporaryFolder folder;
  const std::filesystem::path text = folder / "text";
  write_plain(text, documents(400));
  datasets::pack_text({&text, 1}, letters_tokenizer(), folder / "packed", {.length = length, .held_out = 0});
  return PackedText(folder / "packed").training();
}

/// What happened to tokens.
struct Counts {
  std::int64_t tokens = 0, chosen = 0, masks = 0, kept = 0, others = 0;
};

Counts counts_of(const Indices& original, const Indices& ids, const MaskedTokens& targets, std::int32_t mask) {
  Counts counts{.tokens = ids.size(), .chosen = targets.positions.size()};
  for (std::int64_t i = 0; i < targets.positions.size(); ++i) {
    const std::int32_t id = ids.data()[targets.positions.data()[i]];
    (id == mask ? counts.masks : id == targets.labels.data()[i] ? counts.kept : counts.others) += 1;
  }
  BOOST_TEST(targets.labels.size() == counts.chosen);
  BOOST_TEST(std::ranges::is_sorted(targets.positions.elements()));
  // With the labels put back, all is as it was.
  Indices restored = ids.clone();
  for (std::int64_t i = 0; i < counts.chosen; ++i) {
    restored.mutable_data()[targets.positions.data()[i]] = targets.labels.data()[i];
  }
  BOOST_TEST(same_bits(restored, original));
  return counts;
}

/// A count of independent draws lies within five standard deviations.
void check_share(std::int64_t count, std::int64_t of, double share) {
  const double n = static_cast<double>(of), deviation = std::sqrt(n * share * (1 - share));
  BOOST_TEST(std::abs(static_cast<double>(count) - n * share) < 5 * deviation);
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_token_by_itself_but_special_ones) {
  const PackedSequences text = sequences();
  const Indices original = whole_batch(text);
  const auto special = std::ranges::count_if(original.elements(), [&](auto id) { return text.special().contains(id); });
  for (const double share : {0.15, 0.25}) {
    const auto [ids, targets] = whole_batch(MaskedText(text, {.share = share}));
    const Counts counts = counts_of(original, ids, targets, text.special().mask);
    check_share(counts.chosen, counts.tokens - special, share);
    check_share(counts.masks, counts.chosen, 0.8 + 0.1 / 57);  // a random token may be [MASK]
    check_share(counts.kept, counts.chosen, 0.1 + 0.1 / 57);
    for (const std::int32_t label : targets.labels.elements()) BOOST_TEST(!text.special().contains(label));
  }
}

BOOST_AUTO_TEST_CASE(an_exact_share_of_each_sequence_whatever_it_is) {
  const PackedSequences text = sequences();
  std::int64_t specials = 0;
  for (const auto& [share, chosen, least_masks, changed] :
       {std::tuple{0.25, 32, 26, 29}, {0.15, 19, 15, 17}, {1., 128, 102, 115}, {0.001, 0, 0, 0}}) {
    const MaskedText masked(text, {.share = share, .rule = MaskingRule::exact_share});
    for (std::int64_t i = 0; i < text.size(); ++i) {
      const auto [ids, targets] = masked.batch({&i, 1});
      const Counts counts = counts_of(text.batch({&i, 1}), ids, targets, text.special().mask);
      BOOST_TEST(counts.chosen == chosen);
      BOOST_TEST(counts.masks >= least_masks);      // a random token may be [MASK]
      BOOST_TEST(counts.kept >= chosen - changed);  // or the one that was there
      BOOST_TEST(counts.others <= changed - least_masks);
      specials +=
          std::ranges::count_if(targets.labels.elements(), [&](auto id) { return text.special().contains(id); });
    }
  }
  BOOST_TEST(specials > 0);
}

// Where a sequence is masked, and what random tokens are.
BOOST_AUTO_TEST_CASE(no_place_and_no_token_is_preferred) {
  const PackedSequences text = sequences();
  for (const MaskingRule rule : {MaskingRule::each_token, MaskingRule::exact_share}) {
    MaskedText masked(text, {.share = 0.25, .rule = rule});
    std::map<std::int32_t, std::int64_t> columns, replacements;
    std::int64_t chosen = 0, replaced = 0;
    constexpr std::int64_t passes = 20;
    for (std::uint64_t pass = 0; pass < passes; ++pass) {
      masked.start_pass(pass);
      const auto [ids, targets] = whole_batch(masked);
      for (std::int64_t i = 0; i < targets.positions.size(); ++i) {
        const std::int32_t position = targets.positions.data()[i], id = ids.data()[position];
        const std::int32_t column = position % length;
        // The frame is special.
        if (column > 0 && column < length - 1) {
          ++columns[column];
          ++chosen;
        }
        if (id == text.special().mask || id == targets.labels.data()[i]) continue;
        ++replacements[id];
        ++replaced;
      }
    }
    BOOST_TEST(columns.size() == static_cast<std::size_t>(length - 2));
    BOOST_TEST(replacements.size() == 56u);  // all but [MASK], which was not told apart
    if (rule == MaskingRule::exact_share) {
      for (const auto& [column, count] : columns) check_share(count, passes * text.size(), 0.25);
    }
    // Less, by what they are taken for, for tokens that are frequent.
    for (const auto& [id, count] : replacements)
      BOOST_TEST(static_cast<double>(count) > 0.4 * static_cast<double>(replaced) / 56);
  }
}

BOOST_AUTO_TEST_CASE(a_sequence_of_a_pass_is_masked_alike_everywhere) {
  const PackedSequences text = sequences();
  for (const MaskingRule rule : {MaskingRule::each_token, MaskingRule::exact_share}) {
    MaskedText masked(text, {.share = 0.15, .rule = rule});
    masked.start_pass(7);
    const auto [together, targets] = whole_batch(masked);
    for (const std::int64_t prefetch : {0, 2}) {
      const ThreadGuard guard(prefetch == 0 ? 1 : 3);
      std::int64_t row = 0, target = 0;
      for (const auto& [ids, some] : DataLoader(masked, {.batch_size = 7, .prefetch = prefetch})) {
        for (std::int64_t i = 0; i < ids.size(); ++i) BOOST_REQUIRE(ids.data()[i] == together.data()[row * length + i]);
        for (std::int64_t i = 0; i < some.positions.size(); ++i, ++target) {
          BOOST_REQUIRE(some.positions.data()[i] + row * length == targets.positions.data()[target]);
          BOOST_REQUIRE(some.labels.data()[i] == targets.labels.data()[target]);
        }
        row += ids.extent(0);
      }
      BOOST_TEST(target == targets.positions.size());
    }
    masked.start_pass(8);
    BOOST_TEST(!same_bits(whole_batch(masked).first, together));
    masked.start_pass(7);
    BOOST_TEST(same_bits(whole_batch(masked).first, together));
    manual_seed(1);
    MaskedText other(text, {.share = 0.15, .rule = rule});
    other.start_pass(7);
    BOOST_TEST(!same_bits(whole_batch(other).first, together));
    manual_seed(0);
  }
}

BOOST_AUTO_TEST_CASE(no_sequences) {
  const auto [ids, targets] = MaskedText(sequences(), {}).batch({});
  BOOST_TEST(ids.shape() == (Shape{0, length}));
  BOOST_TEST(targets.positions.size() == 0);
}

BOOST_AUTO_TEST_CASE(misuse_is_named) {
  const PackedSequences text = sequences();
  for (const double share : {0., -0.1, 1.01, static_cast<double>(NAN)}) {
    BOOST_CHECK_EXCEPTION(MaskedText(text, {.share = share}), ConfigError, speaks_of("MaskedText", "share"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
