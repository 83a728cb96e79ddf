// Names of data sets: "mnist", "idx:FOLDER", "csv:FILE?label=quality&test=0.2", "npy:FOLDER", "safetensors:FILE".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace canopy::datasets {

/// A name taken apart. A file's own name cannot hold a '?'.
struct DatasetName {
  std::string full;
  std::string kind;                                         ///< before the ':'; empty for the catalog's
  std::string path;                                         ///< or the name in the catalog
  std::map<std::string, std::string, std::less<>> options;  ///< KEY=VALUE after '?', between '&'
};

/// A value may hold any byte as %XX. Throws ConfigError for an option that is no KEY=VALUE, or comes twice.
DatasetName parse_dataset_name(std::string_view name);

/// In letters, digits and dashes what people call it: the last name of a path without its ending ("csv:a/Wine_red.csv"
/// is "wine-red"), else the name itself.
std::string short_name(std::string_view name);
/// Of each, told apart by "-2", "-3", ... where two are equal.
std::vector<std::string> short_names(const std::vector<std::string>& names);

}  // namespace canopy::datasets
