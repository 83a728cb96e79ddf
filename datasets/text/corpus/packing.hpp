// Text into sequences of tokens, once, for all trainings on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include <canopy/datasets/text/bert_tokenizer.hpp>
#include <canopy/datasets/text/corpus/corpus.hpp>
#include <canopy/datasets/text/corpus/packed_text.hpp>

namespace canopy::datasets {

/// How the tokens of all documents, one after another with [SEP] behind each, become sequences.
enum class SequenceLayout {
  framed,     ///< [CLS], the next length - 2 tokens, [SEP]: as a model is asked later on
  continuous  ///< the next `length` tokens: the data of crammedBERT
};

/// "framed" or "continuous". Throws ConfigError for another name.
SequenceLayout parse_sequence_layout(std::string_view name);
std::string_view to_string(SequenceLayout layout);

struct PackingOptions {
  std::int64_t length = 128;  ///< tokens of a sequence
  SequenceLayout layout = SequenceLayout::framed;
  DocumentEnd documents = DocumentEnd::blank_line;
  double held_out = 0.01;              ///< of all documents
  std::int64_t batch_bytes = 8 << 20;  ///< of text that are tokenized at once: what a kill loses; changes no result
};

enum class PackingOutcome {
  packed,
  already_packed,  ///< the file was there
  stopped
};

/// Is told, every now and then, how many bytes of text are packed; false stops the packing.
using OnPacked = std::function<bool(std::int64_t bytes)>;

/// Writes the file `out` that PackedText reads, of the files that corpus_files finds. What does not fill a last
/// sequence is left out, of either part. A document is held out by the SHA-256 of its first piece (see CorpusReader),
/// whatever else the corpus holds: one that comes twice is on one side, and a corpus that grows moves none.
///
/// The bytes of the file depend on text, vocabulary and options alone, not on the number of threads nor on how often
/// the work was stopped or killed: what is done stands in the folder `out`.part until all is. Memory is bounded by the
/// size of a batch, and the file needs its size twice on the disk at the end.
///
/// Where `out` is there and was made of the same, nothing is done. Throws ConfigError, with the first difference, where
/// it, or what is unfinished, was made of anything else, for options that make no sense, and where another process is
/// at work; DataError for text or `out` that cannot be read or is damaged, and for too little text; Error where the
/// disk fails.
PackingOutcome pack_text(std::span<const std::filesystem::path> inputs, const BertTokenizer& tokenizer,
                         const std::filesystem::path& out, const PackingOptions& options = {},
                         const OnPacked& on_packed = {});

}  // namespace canopy::datasets
