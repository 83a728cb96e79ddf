// What decides on the bytes of packed text. Internal to packing.cpp.
#pragma once

#include <filesystem>
#include <span>

#include <canopy/datasets/text/corpus/packed_format.hpp>
#include <canopy/datasets/text/corpus/packing.hpp>

namespace canopy::datasets::packed {

/// Throws ConfigError for options that make no sense.
void check(const PackingOptions& options);

/// All of it, the digests of text and vocabulary among it. Throws DataError for text that cannot be read.
Metadata settings_of(std::span<const std::filesystem::path> files, const BertTokenizer& tokenizer,
                     const PackingOptions& options);

/// Throws ConfigError, with the first difference, unless what `file` holds was made of the same, whatever else it says.
void require_same(const std::filesystem::path& file, const Metadata& wanted, const Metadata& found);

}  // namespace canopy::datasets::packed
