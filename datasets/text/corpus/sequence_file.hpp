// Tokens as rows of a file, as they come. Internal to packing.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <canopy/core/file.hpp>
#include <canopy/datasets/text/corpus/packed_format.hpp>
#include <canopy/datasets/text/corpus/packing.hpp>

namespace canopy::datasets::packed {

/// What is made of tokens.
struct SequenceFormat {
  RowFormat row;
  SequenceLayout layout;
  SpecialTokens special;
};

/// How far a file has come.
struct SequenceCount {
  std::int64_t sequences = 0, documents = 0;
  std::vector<std::int32_t> pending = {};  ///< ids that do not yet fill a sequence
};

class SequenceFile {
 public:
  /// Goes on from `count`; what the file holds behind it goes. Throws DataError where the file holds less.
  SequenceFile(const std::filesystem::path& file, const SequenceFormat& format, SequenceCount count);

  void begin_document() { ++count_.documents; }
  void add(std::span<const std::int32_t> ids);
  void end_document() { add({&format_.special.separate, 1}); }
  /// Returns when all rows are on the disk.
  void sync();
  const SequenceCount& count() const { return count_; }

 private:
  void write_row();
  void put(std::int32_t id);

  SequenceFormat format_;
  FileAppender file_;
  SequenceCount count_;
  std::string rows_;  // that are not yet written
};

}  // namespace canopy::datasets::packed
