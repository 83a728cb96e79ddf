#include <canopy/experiments/harness/metrics.hpp>

#include <charconv>
#include <optional>
#include <string_view>

#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/memory.hpp>

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

/// Without their ends; none where the file does not exist. A last line without an end was never finished.
std::vector<std::string> finished_lines(const std::filesystem::path& file) {
  return failing_as<DataError>(file, [&] {
    std::vector<std::string> lines;
    if (!file_exists(file)) return lines;
    const std::string text = read_file(file);
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      lines.push_back(text.substr(begin, end - begin));
    }
    return lines;
  });
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t comma; (comma = line.find(',')) != line.npos; line.remove_prefix(comma + 1)) {
    fields.push_back(line.substr(0, comma));
  }
  fields.push_back(line);
  return fields;
}

std::optional<double> value_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

DataError missing_row(const std::filesystem::path& file, std::string_view column, std::int64_t number) {
  return DataError(
      fmt::format("{}: the row of {} {} is missing though the checkpoint counts it: remove the cell's folder to train "
                  "it anew",
                  file.string(), column, number));
}

}  // namespace

void MetricsFile::cut(std::int64_t next, const Columns& columns) {
  std::string kept = header(number_, columns);
  if (next > 0) {
    const std::vector<std::string> lines = finished_lines(file_);
    if (lines.empty() || lines.front() + "\n" != kept) {
      throw DataError(fmt::format("{}: expected the columns {}", file_.string(), kept));
    }
    std::size_t row = 0;
    for (std::int64_t earlier = 0; earlier < next; earlier += stride_) {
      if (++row >= lines.size() || fields_of(lines[row]).front() != std::to_string(earlier)) {
        throw missing_row(file_, number_, earlier);
      }
      kept += lines[row] + "\n";
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

void require_rows(const std::filesystem::path& file, std::int64_t count, std::int64_t stride) {
  if (count == 0) return;  // nothing of it is kept
  const auto columns = read_metrics(file);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<std::size_t>(i);
    const bool found = !columns.empty() && row < columns.front().second.size() &&
                       columns.front().second[row] == static_cast<double>(i * stride);
    if (!found) throw missing_row(file, columns.empty() ? "number" : columns.front().first, i * stride);
  }
}

std::string ClockFile::append(const MetricsRow& row) {
  MetricsFile::Columns columns{{"seconds", 0}};
  for (const auto& [unit, count] : row.seen) columns.emplace_back(unit, static_cast<double>(count));
  columns.emplace_back("peak_mb", static_cast<double>(memory::counters().peak) / 1e6);
  if (!begun_) {
    begun_ = true;
    const auto counted = static_cast<std::size_t>(row.number / row.stride);  // earlier rows
    const auto earlier = read_metrics(file_);
    bool known = earlier.size() == 1 + columns.size() && earlier[0].first == row.unit;
    for (std::size_t i = 0; known && i < columns.size(); ++i) known = earlier[1 + i].first == columns[i].first;
    for (std::size_t i = 0; known && i < counted; ++i) {
      known = i < earlier[0].second.size() &&
              earlier[0].second[i] == static_cast<double>(i) * static_cast<double>(row.stride);
    }
    if (counted > 0 && !known) {
      remove_file(file_);
      return {};
    }
    if (counted > 0) before_ = earlier[1].second[counted - 1];
    if (counted > 0 && !row.seen.empty()) seen_ = static_cast<std::int64_t>(earlier[2].second[counted - 1]);
    rows_.emplace(file_, row.unit, row.stride);
  }
  if (!rows_) return {};
  const double now = std::chrono::duration<double>(Clock::now() - begin_).count();
  columns.front().second = before_ + now;
  rows_->append(row.number, columns);
  if (row.seen.empty()) return {};
  const auto& [unit, count] = row.seen.front();
  const double speed = static_cast<double>(count - seen_) / (now - last_);
  last_ = now;
  seen_ = count;
  return fmt::format("{:.{}f} {}/s", speed, speed < 10 ? 1 : 0, unit);
}

std::vector<std::pair<std::string, std::vector<double>>> read_metrics(const std::filesystem::path& file) {
  std::vector<std::pair<std::string, std::vector<double>>> columns;
  const std::vector<std::string> lines = finished_lines(file);
  if (lines.empty()) return columns;
  for (const std::string_view name : fields_of(lines.front())) columns.push_back({std::string(name), {}});
  if (columns.size() < 2) {
    throw DataError(
        fmt::format("{}: expected the names of columns, found \"{}\"", file.string(), lines.front().substr(0, 80)));
  }
  for (std::size_t row = 1; row < lines.size(); ++row) {
    const std::vector<std::string_view> fields = fields_of(lines[row]);
    bool whole = fields.size() == columns.size();
    for (std::size_t i = 0; whole && i < fields.size(); ++i) {
      const std::optional<double> value = value_of(fields[i]);
      columns[i].second.push_back(value.value_or(0));
      whole = value.has_value();
    }
    if (!whole) {
      throw DataError(fmt::format("{}: line {}: expected {} numbers, found \"{}\"", file.string(), row + 1,
                                  columns.size(), lines[row].substr(0, 80)));
    }
  }
  return columns;
}

}  // namespace canopy::harness
