// Tables of numbers with labels, in CSV files.
//
//   const auto table = datasets::read_csv<float>("houses.csv", {.labels = {"price"}, .ignore = {"address"}});
//   const TensorDataset houses(table.samples);
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <canopy/datasets/tensor_dataset.hpp>

namespace canopy::datasets {

enum class CsvHeader {
  automatic,  ///< the first line, if a column has a word there and a number below, or no field there is a number
  yes,
  no
};

/// What an empty field, or one of NA, N/A, NaN, null, none and ? in any case, becomes in a column of inputs. A label
/// that is missing is always an error.
enum class Missing {
  error,  ///< DataError with line and column
  mean,   ///< the mean of the column's other numbers
  value,  ///< CsvOptions::missing_value
  keep    ///< NaN
};

struct CsvOptions {
  char delimiter = ',';
  CsvHeader header = CsvHeader::automatic;
  /// Columns with the targets, by name or position from 0 (-1: the last); several for numbers only. Empty: the last.
  std::vector<std::string> labels = {};
  std::vector<std::string> ignore = {};  ///< columns left out, likewise
  Missing missing = Missing::error;
  float missing_value = 0.f;
};

template <class T>
struct CsvTable {
  /// All that TensorDataset takes; classes are the different labels in order, of numbers if all of them are whole
  /// numbers, else of letters.
  Samples<T> samples;
  std::vector<std::string> columns;  ///< of the inputs: their names, or positions where the file has none
  Tensor means = {};                 ///< [columns], for Missing::mean
};

/// Reads a file, plain or gzipped. `training`: the table of the training part, whose columns, classes and means are
/// those of this part, too. T is std::int32_t for classes, float for numbers. Throws DataError, with line and column,
/// for a damaged file, a line with fewer or more fields than the first, a field that is no number, a label that no
/// class of the training part has; ConfigError for columns that are not there.
template <class T>
CsvTable<T> read_csv(const std::filesystem::path& path, const CsvOptions& options = {},
                     const CsvTable<T>* training = nullptr);

}  // namespace canopy::datasets
