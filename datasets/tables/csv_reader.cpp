// A state machine of our own: of Debian's libraries libcsv counts no lines and swallows empty ones, libfccp wants the
// number of columns at compile time and knows no quoted line breaks.
#include <canopy/datasets/tables/csv_reader.hpp>

#include <algorithm>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::datasets {
namespace {

constexpr std::string_view utf8_mark = "\xef\xbb\xbf";
constexpr std::size_t longest_record = std::size_t{64} << 20;

}  // namespace

CsvReader::CsvReader(const std::filesystem::path& path, char delimiter)
    : file_(path.string()), reader_(path), delimiter_(delimiter), buffer_(1 << 16) {
  if (delimiter == '"' || delimiter == '\n' || delimiter == '\r' || delimiter == '\0') {
    throw ConfigError(fmt::format("{}: expected a delimiter such as ',' or ';', found a quote or a line end", file_));
  }
  while (filled_ < utf8_mark.size()) {
    const std::size_t got = reader_.read_some(buffer_.data() + filled_, buffer_.size() - filled_);
    if (got == 0) break;
    filled_ += got;
  }
  const std::string_view head(buffer_.data(), filled_);
  if (head.starts_with(utf8_mark)) at_ = utf8_mark.size();
  if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff"))
    fail(1, "expected UTF-8, found UTF-16: save it as UTF-8");
}

int CsvReader::peek() {
  if (at_ == filled_) {
    at_ = 0;
    filled_ = reader_.read_some(buffer_.data(), buffer_.size());
    if (filled_ == 0) return end;
  }
  return static_cast<unsigned char>(buffer_[at_]);
}

int CsvReader::take() {
  const int c = peek();
  if (c == end) return end;
  ++at_;
  if (c == '\0') fail(line_, "expected text, found a byte of 0");
  if (c == '\n' || (c == '\r' && peek() != '\n')) ++line_;
  return c;
}

// CRLF is one.
bool CsvReader::take_line_end(int c) {
  if (c == '\r' && peek() == '\n') take();
  return c == '\r' || c == '\n';
}

// After the first quote up to the last one; two quotes stand for one.
void CsvReader::take_quoted() {
  const std::int64_t begin = line_;
  for (;;) {
    const int c = take();
    if (c == end) fail(begin, "expected a closing quote for the one that opens here, found the end of the file");
    if (c == '"') {
      if (peek() != '"') break;
      take();
    }
    text_ += static_cast<char>(c);
    if (text_.size() > longest_record) {
      fail(begin, fmt::format("expected a closing quote within {} MiB, found none", longest_record >> 20));
    }
  }
  const int next = peek();
  if (next != end && next != '\r' && next != '\n' && next != static_cast<unsigned char>(delimiter_)) {
    fail(line_, fmt::format("expected '{}' or the end of the line after a closing quote, found '{}'", delimiter_,
                            static_cast<char>(next)));
  }
}

void CsvReader::end_field() { ends_.push_back(text_.size()); }

bool CsvReader::next() {
  text_.clear();
  ends_.clear();
  record_line_ = line_;
  bool at_begin = true;  // of a field
  bool quoted = false;   // whether any field was
  for (;;) {
    const int c = take();
    const bool last = c == end || take_line_end(c);
    if (last && ends_.empty() && text_.empty() && !quoted) {  // an empty line
      if (c == end) return false;
      record_line_ = line_;
      continue;
    }
    if (last) break;
    if (c == static_cast<unsigned char>(delimiter_)) {
      end_field();
      at_begin = true;
    } else if (c == '"') {
      if (!at_begin)
        fail(line_, "expected no quote within a field that does not begin with one: write \"\" inside of quotes");
      take_quoted();
      quoted = true;
      at_begin = false;
    } else {
      text_ += static_cast<char>(c);
      at_begin = false;
      if (text_.size() > longest_record)
        fail(record_line_, fmt::format("expected the end of the line within {} MiB, found none", longest_record >> 20));
    }
  }
  end_field();
  fields_.clear();
  std::size_t begin = 0;
  for (const std::size_t field_end : ends_) {
    fields_.push_back(std::string_view(text_).substr(begin, field_end - begin));
    begin = field_end;
  }
  return true;
}

void CsvReader::fail(std::int64_t line, const std::string& what) const {
  throw DataError(fmt::format("{}: line {}: {}", file_, line, what));
}

}  // namespace canopy::datasets
