// The text of a pretraining: a file of packed text, or what is packed once of the data root's own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <canopy/datasets/text/corpus/packed_text.hpp>

namespace canopy::language {

/// "text" is the text in the folder of that name under the data root, without the validation and test parts that
/// published corpora have ("wiki.valid.tokens.gz"), since models are scored on them; "packed:FILE" a file of `canopy
/// text pack`, relative to the working directory.
struct PretrainingText {
  std::string name = "text";
  std::int64_t vocabulary = 0;       ///< tokens; for "text" at most
  std::int64_t sequence_length = 0;  ///< in tokens

  /// Throws ConfigError, in words on the setting "text", for a name of neither form. Looks at no file.
  void check() const;
  /// In letters, digits and dashes: "text", or the name of the file without its ending.
  std::string short_name() const;
};

struct TextPreparation {
  std::filesystem::path data = {};                   ///< see datasets::data_root
  std::function<void(const std::string&)> say = {};  ///< what is being done, such as "packing text, 12 MB"
  std::function<bool()> stop_requested = {};         ///< true ends the work
};

/// Of "text", vocabulary and packed text are made by whoever comes first, in the folder packed/text-vN-lN beside it,
/// which others wait for; what a kill interrupts is continued. Throws DataError for text that is missing or damaged,
/// ConfigError for a file of another vocabulary or length, and where the text has changed since it was packed,
/// harness::Interrupted where the work is to stop.
PackedText prepare_text(const PretrainingText& text, const TextPreparation& preparation);

}  // namespace canopy::language
