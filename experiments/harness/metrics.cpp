#include <canopy/experiments/harness/metrics.hpp>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

std::string header(std::string line, const MetricsFile::Columns& columns) {
  for (const auto& [name, value] : columns) line += "," + name;
  return line + "\n";
}

/// The shortest digits that read back as the same number.
std::string row(std::int64_t number, const MetricsFile::Columns& columns) {
  std::string line = std::to_string(number);
  for (const auto& [name, value] : columns) line += fmt::format(",{}", value);
  return line + "\n";
}

/// The next line with its end; none at the end of the file or where a line was never finished.
std::optional<std::string> next_line(std::istream& stream) {
  std::string line;
  if (!std::getline(stream, line) || stream.eof()) return std::nullopt;
  return line + "\n";
}

}  // namespace

void MetricsFile::cut(std::int64_t number, const Columns& columns) {
  std::string kept = header(number_, columns);
  if (number > 0) {
    std::ifstream stream(file_);
    if (next_line(stream) != kept) throw DataError(fmt::format("{}: the columns are not {}", file_.string(), kept));
    for (std::int64_t earlier = 0; earlier < number; earlier += stride_) {
      const auto line = next_line(stream);
      if (!line || std::strtoll(line->c_str(), nullptr, 10) != earlier) {
        throw DataError(
            fmt::format("{}: the row of {} {} is missing though the checkpoint counts it: remove the "
                        "cell's folder to train it anew",
                        file_.string(), number_, earlier));
      }
      kept += *line;
    }
  }
  write_file(file_, kept);
}

void MetricsFile::append(std::int64_t number, const Columns& columns) {
  if (!begun_) cut(number, columns);
  begun_ = true;
  const std::string line = row(number, columns);
  FileAppender file(file_);
  file.write(line.data(), line.size());
  file.sync();
}

void ClockFile::append(const MetricsRow& row) {
  if (!begun_) {
    begun_ = true;
    const auto counted = static_cast<std::size_t>(row.number / row.stride);  // earlier rows
    const auto earlier = read_metrics(file_);
    bool known = earlier.size() == 2 && earlier[0].first == row.unit && earlier[1].second.size() >= counted;
    for (std::size_t i = 0; known && i < counted; ++i) {
      known = earlier[0].second[i] == static_cast<double>(i) * static_cast<double>(row.stride);
    }
    if (counted > 0 && !known) {
      std::filesystem::remove(file_);
      return;
    }
    if (counted > 0) before_ = earlier[1].second[counted - 1];
    rows_.emplace(file_, row.unit, row.stride);
  }
  if (!rows_) return;
  rows_->append(row.number, {{"seconds", before_ + std::chrono::duration<double>(Clock::now() - begin_).count()}});
}

std::vector<std::pair<std::string, std::vector<double>>> read_metrics(const std::filesystem::path& file) {
  std::vector<std::pair<std::string, std::vector<double>>> columns;
  std::ifstream stream(file);
  std::optional<std::string> line = next_line(stream);
  if (!line) return columns;
  line->pop_back();
  std::istringstream names(*line);
  for (std::string name; std::getline(names, name, ',');) columns.push_back({name, {}});
  while ((line = next_line(stream))) {
    const char* at = line->c_str();
    for (auto& [name, values] : columns) {
      char* end = nullptr;
      values.push_back(std::strtod(at, &end));
      at = *end == ',' ? end + 1 : end;
    }
  }
  return columns;
}

}  // namespace canopy::harness
