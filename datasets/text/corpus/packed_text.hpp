// Text as sequences of tokens in one file, made once by `pack_text` and read in place.
//
//   const PackedText text("corpus.tokens");
//   for (const Indices& ids : DataLoader(text.training(), {.batch_size = 32, .shuffle = true})) ...
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include <canopy/core/array.hpp>
#include <canopy/datasets/text/special_tokens.hpp>
#include <canopy/datasets/text/vocabulary.hpp>

namespace canopy {

/// Sequences of one length, one after another in a mapped file. A Dataset whose batches are ids [batch, length]. Copies
/// share the map, which lives as long as they do: replace such a file, do not write into it.
class PackedSequences {
 public:
  std::int64_t size() const { return size_; }
  /// Tokens in each.
  std::int64_t length() const { return length_; }
  /// Of the tokenizer that the text was packed with.
  std::int64_t vocabulary_size() const { return vocabulary_size_; }
  const SpecialTokens& special() const { return special_; }

  /// Writes the ids of a sequence to `ids`, `length()` of them. Throws Error for an index outside of [0, size).
  void read(std::int64_t index, std::span<std::int32_t> ids) const;
  /// [indices, length]. Throws Error as read does.
  Indices batch(std::span<const std::int64_t> indices) const;

 private:
  friend class PackedText;

  std::shared_ptr<const char> bytes_;  // keeps the map
  std::int64_t size_ = 0, length_ = 0, vocabulary_size_ = 0;
  SpecialTokens special_{};
};

/// A file of packed text: a safetensors file with the tensors "training" and "held_out" [sequences, length], U16 where
/// the vocabulary has no more than 65536 tokens, else I32, so that Python's library reads it, too. What it was made of
/// and how stands in its metadata, with a SHA-256 of all of it.
class PackedText {
 public:
  /// Reads the whole file once, to compare its checksum. Throws DataError, with the file, what was expected and what
  /// was found: for one that is damaged, of another kind, or written by another version of this format.
  explicit PackedText(const std::filesystem::path& path);

  const PackedSequences& training() const { return training_; }
  /// Of the documents that were held out from training; other than these.
  const PackedSequences& held_out() const { return held_out_; }
  /// How the text was packed, and of what: texts by name, such as {"sequence_length", "128"}, {"held_out_documents",
  /// "12"}.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// Throws DataError unless the text was packed with this vocabulary.
  void require(const Vocabulary& vocabulary) const;

 private:
  std::string path_;
  std::map<std::string, std::string> metadata_;
  PackedSequences training_, held_out_;
};

}  // namespace canopy
