// What code points are to BERT's tokenizer: by the categories of Unicode 8, which the published fast tokenizer has
// built in. Later characters belong to none of these kinds, so that new releases of ICU change no id.
#pragma once

namespace canopy::datasets {

/// White space: general category Z, tab, line feed, carriage return.
bool is_space(char32_t c);
/// What the clean-up deletes: U+0000, U+FFFD, and controls, formats and private use (Cc, Cf, Co) but tab, line feed and
/// carriage return.
bool is_control(char32_t c);
/// Marks that take no space (Mn), such as the accents that a canonical decomposition leaves.
bool is_accent(char32_t c);
/// General category P, and every ASCII character that is neither a letter, a digit, a space nor a control.
bool is_punctuation(char32_t c);
/// Ideographs, each of which is a word. The published ranges, with a fifth that begins at U+2B920 as in the fast
/// tokenizer, where the Python one has U+2B820.
bool is_ideograph(char32_t c);

}  // namespace canopy::datasets
