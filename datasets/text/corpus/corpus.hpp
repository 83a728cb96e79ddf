// Plain text in files, piece by piece, whatever their size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace canopy::datasets {

/// Where a document ends, besides the end of its file.
enum class DocumentEnd {
  blank_line,  ///< at lines of nothing but white space
  line,        ///< at every line
  file         ///< nowhere else
};

/// "blank-line", "line" or "file". Throws ConfigError for another name.
DocumentEnd parse_document_end(std::string_view name);
std::string_view to_string(DocumentEnd end);

/// The files of a corpus in the order in which they are read: of an input that is a folder those in it and in its
/// folders that end in .txt or .gz, by their paths in order; any other input itself. Throws DataError for an input that
/// is not there and a folder without such files.
std::vector<std::filesystem::path> corpus_files(std::span<const std::filesystem::path> inputs);

/// The SHA-256 of the files as they lie there, compressed or not, one after another, and of their sizes. Throws
/// DataError for one that cannot be read.
std::string corpus_digest(std::span<const std::filesystem::path> files);

/// Some text of one document.
struct TextPiece {
  std::string text;      ///< of whole lines, unless a line is too long for that
  bool begins_document;  ///< or goes on with that of the piece before
};

/// Cuts the documents of files, plain or gzipped, into pieces: of a document that is longer than `piece_bytes`, each
/// but the last ends with the first line that fills it, or within a longer line at white space, so that the words of
/// its pieces are its words. Lines without white space are cut between characters. Pieces are shorter than twice
/// `piece_bytes` and depend on the text alone. Documents of nothing but white space are none.
class CorpusReader {
 public:
  static constexpr std::size_t piece_bytes = 1 << 20;

  CorpusReader(std::vector<std::filesystem::path> files, DocumentEnd end);
  ~CorpusReader();
  CorpusReader(CorpusReader&&) noexcept;
  CorpusReader& operator=(CorpusReader&&) noexcept;

  /// The next piece; none after the last. Throws DataError, with the file, for one that cannot be read, and with the
  /// offset in its text for a zero byte, which UTF-8 text has none of, but UTF-16 and what is no text.
  std::optional<TextPiece> next();
  /// The next pieces, together at least so many bytes unless they are the last; none after these.
  std::vector<TextPiece> next(std::size_t bytes);
  /// Bytes of text read so far.
  std::int64_t bytes() const { return bytes_; }

 private:
  class Lines;

  std::vector<std::filesystem::path> files_;
  DocumentEnd end_;
  std::size_t next_file_ = 0;
  std::unique_ptr<Lines> lines_;  // of the file that is being read
  bool within_document_ = false;  // one that an earlier piece began
  std::int64_t bytes_ = 0;
};

}  // namespace canopy::datasets
