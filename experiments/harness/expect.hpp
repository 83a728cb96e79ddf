// `--expect 'CELL:FIELD>=VALUE'`: promises that make a command fail where they are missed.
#pragma once

#include <string>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/experiments/harness/json.hpp>

namespace canopy::harness {

/// One promise. FIELD names a member of a row; of a `{mean, sd, best, ...}` object it means `mean`, and `rmse.best`
/// another member.
struct Expectation {
  std::string text;     ///< as it was written
  std::string pattern;  ///< of row names; "*" where the text has no CELL
  std::string field;
  std::string comparison;  ///< >= <= > < == !=
  double value = 0;
};

/// Names each missed promise with the value that was found.
class ExpectationMissed : public Error {
 public:
  using Error::Error;
};

/// Throws ConfigError with the expected form.
Expectation parse_expectation(const std::string& text);
std::vector<Expectation> parse_expectations(const std::vector<std::string>& texts);

/// A row and the name that patterns are matched with.
struct NamedRow {
  std::string name;
  Json row;
};
/// The rows of a JSON array, named by one of their members.
std::vector<NamedRow> named_rows(const Json& rows, const char* name);

/// Throws ConfigError for a pattern that matches no row and for a field that a matched row does not have. Values may
/// still be null: to be called before the work begins.
void check_names(const std::vector<Expectation>& expectations, const std::vector<NamedRow>& rows);

/// Throws ExpectationMissed, naming every missed promise with the value that was found; a null misses every promise.
void check(const std::vector<Expectation>& expectations, const std::vector<NamedRow>& rows);

}  // namespace canopy::harness
