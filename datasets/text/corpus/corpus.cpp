#include <canopy/datasets/text/corpus/corpus.hpp>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/datasets/digest.hpp>
#include <canopy/datasets/gzip.hpp>

#include <fmt/format.h>
#include <unicode/utf8.h>

namespace canopy::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view white_space = " \t\r\f\v";
constexpr std::array all_ends = {DocumentEnd::blank_line, DocumentEnd::line, DocumentEnd::file};

bool is_blank(std::string_view line) { return line.find_first_not_of(white_space) == std::string_view::npos; }

std::vector<fs::path> text_files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".txt" || extension == ".gz")) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

DocumentEnd parse_document_end(std::string_view name) {
  for (const DocumentEnd end : all_ends) {
    if (name == to_string(end)) return end;
  }
  throw ConfigError(fmt::format("end of documents: expected blank-line, line or file, not '{}'", name));
}

std::string_view to_string(DocumentEnd end) {
  return end == DocumentEnd::blank_line ? "blank-line" : end == DocumentEnd::line ? "line" : "file";
}

std::vector<fs::path> corpus_files(std::span<const fs::path> inputs) {
  std::vector<fs::path> files;
  for (const fs::path& input : inputs) {
    failing_as<DataError>(input, [&] {
      if (!file_exists(input)) throw DataError(fmt::format("{}: no such file or folder", input.string()));
      if (!fs::is_directory(input)) return files.push_back(input);
      const std::vector<fs::path> found = text_files_in(input);
      if (found.empty()) {
        throw DataError(fmt::format("{}: expected files that end in .txt or .gz, found none", input.string()));
      }
      files.insert(files.end(), found.begin(), found.end());
    });
  }
  return files;
}

std::string corpus_digest(std::span<const fs::path> files) {
  Digest digest(DigestKind::sha256);
  std::string buffer(1 << 20, '\0');
  for (const fs::path& file : files) {
    failing_as<DataError>(file, [&] {
      FileReader reader(file);
      std::uint64_t size = 0;
      while (const std::size_t got = reader.read_some(buffer.data(), buffer.size())) {
        digest.add(buffer.data(), got);
        size += got;
      }
      digest.add(&size, sizeof size);
    });
  }
  return digest.digits();
}

/// The lines of a file; longer ones than `piece_bytes` in parts.
class CorpusReader::Lines {
 public:
  explicit Lines(const fs::path& file) : file_(file.string()), reader_(file) {}

  bool next() {
    begins_line_ = ends_line_;
    while (rest().size() <= piece_bytes && !at_end_) fill();
    if (rest().empty()) return false;
    const std::size_t newline = rest().substr(0, piece_bytes + 1).find('\n');
    ends_line_ = newline != std::string_view::npos || rest().size() <= piece_bytes;
    const std::size_t size = newline != std::string_view::npos ? newline : ends_line_ ? rest().size() : part_size();
    text_ = rest().substr(0, size);
    begin_ += size + (newline != std::string_view::npos ? 1 : 0);
    return true;
  }
  /// Without the line's end.
  std::string_view text() const { return text_; }
  bool ends_line() const { return ends_line_; }
  bool is_whole() const { return begins_line_ && ends_line_; }

 private:
  std::string_view rest() const { return std::string_view(buffer_).substr(begin_); }

  void fill() {
    constexpr std::size_t room = 4 * piece_bytes;
    buffer_.erase(0, std::exchange(begin_, 0));
    const std::size_t before = buffer_.size();
    buffer_.resize(room);
    const std::size_t got =
        failing_as<DataError>(file_, [&] { return reader_.read_some(buffer_.data() + before, room - before); });
    buffer_.resize(before + got);
    at_end_ = got == 0;
    if (const std::size_t zero = buffer_.find('\0', before); zero != std::string::npos) {
      throw DataError(
          fmt::format("{}: at byte {} of the text: expected UTF-8, found a zero byte", file_, offset_ + zero - before));
    }
    offset_ += got;
  }

  /// Of a line that is longer than a piece.
  std::size_t part_size() const {
    const std::size_t space = rest().substr(0, piece_bytes).find_last_of(white_space);
    if (space != std::string_view::npos) return space + 1;
    std::size_t size = piece_bytes;
    while (size > piece_bytes - U8_MAX_LENGTH && U8_IS_TRAIL(rest()[size])) --size;
    return size;
  }

  std::string file_;
  PlainOrGzipReader reader_;
  std::string buffer_;
  std::size_t begin_ = 0;     // of what is not yet read in the buffer
  std::uint64_t offset_ = 0;  // of the buffer's end in the text
  bool at_end_ = false;
  std::string_view text_;
  bool begins_line_ = true, ends_line_ = true;
};

CorpusReader::CorpusReader(std::vector<fs::path> files, DocumentEnd end) : files_(std::move(files)), end_(end) {}
CorpusReader::~CorpusReader() = default;
CorpusReader::CorpusReader(CorpusReader&&) noexcept = default;
CorpusReader& CorpusReader::operator=(CorpusReader&&) noexcept = default;

std::optional<TextPiece> CorpusReader::next() {
  TextPiece piece{.text = {}, .begins_document = !within_document_};
  while (lines_ || next_file_ < files_.size()) {
    if (!lines_) lines_ = std::make_unique<Lines>(files_[next_file_++]);
    const bool is_more = lines_->next();
    const std::string_view line = is_more ? lines_->text() : std::string_view();
    const bool ends = !is_more || (end_ == DocumentEnd::blank_line && lines_->is_whole() && is_blank(line)) ||
                      (end_ == DocumentEnd::line && lines_->ends_line());
    if (!is_blank(line)) piece.text.append(line) += lines_->ends_line() ? "\n" : "";
    if (!is_more) lines_.reset();
    within_document_ = !ends;
    if (!piece.text.empty() && (ends || piece.text.size() >= piece_bytes)) {
      bytes_ += static_cast<std::int64_t>(piece.text.size());
      return piece;
    }
    if (ends) piece.begins_document = true;
  }
  return std::nullopt;
}

std::vector<TextPiece> CorpusReader::next(std::size_t bytes) {
  std::vector<TextPiece> pieces;
  for (std::size_t total = 0; total < bytes;) {
    std::optional<TextPiece> piece = next();
    if (!piece) break;
    total += piece->text.size();
    pieces.push_back(std::move(*piece));
  }
  return pieces;
}

}  // namespace canopy::datasets
