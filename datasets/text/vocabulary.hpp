// The tokens of a text model, by their number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace canopy {

/// Different tokens, numbered from 0: a token's number is its id, the row of an embedding.
class Vocabulary {
 public:
  /// Throws DataError, with `source` and the line (from 1) of the token, for one that is empty, no UTF-8, or comes
  /// twice, and for no tokens at all.
  explicit Vocabulary(std::vector<std::string> tokens, std::string source = "vocabulary");

  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  const std::vector<std::string>& tokens() const { return tokens_; }
  /// Throws Error for an id outside of [0, size).
  const std::string& token(std::int32_t id) const;
  std::optional<std::int32_t> find(std::string_view token) const;
  /// The id of a token that must be there. Throws DataError, with the source, where it is not.
  std::int32_t id(std::string_view token) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::string source_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_;
};

/// Reads a file of one token a line (vocab.txt), plain or gzipped, lines ended by LF or CRLF. Throws DataError, naming
/// file and line, as Vocabulary does, and for a file that cannot be read.
Vocabulary read_vocabulary(const std::filesystem::path& path);

}  // namespace canopy
