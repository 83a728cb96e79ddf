#include <canopy/datasets/text/corpus/sequence_file.hpp>

#include <utility>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::datasets::packed {

SequenceFile::SequenceFile(const std::filesystem::path& file, const SequenceFormat& format, SequenceCount count)
    : format_(format), file_(file), count_(std::move(count)) {
  const auto expected = static_cast<std::uint64_t>(count_.sequences * format_.row.bytes());
  const std::uint64_t found = file_.size();
  if (found < expected) {
    throw DataError(fmt::format("{}: expected at least {} bytes, found {}: remove the folder to begin anew",
                                file.string(), expected, found));
  }
  file_.truncate(expected);
}

void SequenceFile::add(std::span<const std::int32_t> ids) {
  const auto room =
      static_cast<std::size_t>(format_.layout == SequenceLayout::framed ? format_.row.length - 2 : format_.row.length);
  for (const std::int32_t id : ids) {
    count_.pending.push_back(id);
    if (count_.pending.size() == room) write_row();
  }
}

void SequenceFile::write_row() {
  if (format_.layout == SequenceLayout::framed) put(format_.special.classify);
  for (const std::int32_t id : count_.pending) put(id);
  if (format_.layout == SequenceLayout::framed) put(format_.special.separate);
  count_.pending.clear();
  ++count_.sequences;
}

/// The lower bytes of an id come first.
void SequenceFile::put(std::int32_t id) {
  rows_.append(reinterpret_cast<const char*>(&id), static_cast<std::size_t>(format_.row.id.bytes));
}

void SequenceFile::sync() {
  file_.write(rows_.data(), rows_.size());
  rows_.clear();
  file_.sync();
}

}  // namespace canopy::datasets::packed
