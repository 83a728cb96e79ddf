// Rows of a data set brought together in a batch.
#pragma once

#include <cstdint>
#include <span>

#include <canopy/core/array.hpp>
#include <canopy/core/standardisation.hpp>

namespace canopy::datasets {

/// out[i] = standardisation(in[rows[i]]), rows of `features` numbers. `standardisation` is the identity or has an
/// offset and a scale for each feature. Bytes stand for byte / 255.
void gather(const float* in, std::int64_t features, std::span<const std::int64_t> rows,
            const Standardisation& standardisation, float* out);
void gather(const std::uint8_t* in, std::int64_t features, std::span<const std::int64_t> rows,
            const Standardisation& standardisation, float* out);

}  // namespace canopy::datasets
