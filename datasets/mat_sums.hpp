// The sums in MATLAB's files, which libmatio does not look at.
#pragma once

#include <cstdint>
#include <filesystem>

namespace canopy::datasets {

/// Inflates every compressed variable of a MATLAB file of version 5 and compares the sum that its zlib stream ends
/// with: libmatio takes what it got before, so that a damaged file would read as other numbers. Other versions and
/// variables that are not compressed have no sums, and pass. Returns how many bytes the file holds, inflated: no
/// variable can have more. Throws DataError with the file, the offset and what is wrong.
std::uint64_t check_mat_sums(const std::filesystem::path& path);

}  // namespace canopy::datasets
