// How far an unfinished packing has come, on the disk. Internal to packing.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include <canopy/datasets/text/corpus/packed_format.hpp>
#include <canopy/datasets/text/corpus/sequence_file.hpp>

namespace canopy::datasets::packed {

struct Journal {
  Metadata settings;         ///< what is packed, and how
  std::int64_t pieces = 0;   ///< of the corpus that are done
  bool in_document = false;  ///< which the next piece may go on with
  bool is_held_out = false;  ///< the document
  SequenceCount training = {}, held_out = {};
};

/// None where there is no such file. Throws DataError, with the file, for one that is damaged.
std::optional<Journal> read_journal(const std::filesystem::path& file);
/// The file is replaced in one step. Throws Error with the path and the system's reason.
void write_journal(const std::filesystem::path& file, const Journal& journal);

}  // namespace canopy::datasets::packed
