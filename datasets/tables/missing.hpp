// Numbers that a table does not have: NaN until they are filled.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <canopy/core/array.hpp>

namespace canopy::datasets {

/// Of every column of x [rows, columns] over the numbers that are there in the given rows. Throws DataError, with the
/// description and the column's name, for one that has none.
Tensor means_of_present(const Tensor& x, std::span<const std::int64_t> rows, const std::string& description,
                        const std::vector<std::string>& columns);
/// Puts values [columns] where x [rows, columns] has NaN.
void fill_missing(Tensor& x, const Tensor& values);

}  // namespace canopy::datasets
