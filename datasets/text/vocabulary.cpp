#include <canopy/datasets/text/vocabulary.hpp>

#include <limits>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/datasets/gzip.hpp>
#include <canopy/datasets/text/lines.hpp>

#include <fmt/format.h>
#include <unicode/utf8.h>

namespace canopy {
namespace {

bool is_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    std::int32_t c = 0;
    U8_NEXT(bytes, i, text.size(), c);
    if (c < 0) return false;
  }
  return true;
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::string source)
    : source_(std::move(source)), tokens_(std::move(tokens)) {
  if (tokens_.empty()) throw DataError(fmt::format("{}: expected tokens, found none", source_));
  if (tokens_.size() > std::numeric_limits<std::int32_t>::max()) {
    throw DataError(fmt::format("{}: expected fewer than 2^31 tokens, found {}", source_, tokens_.size()));
  }
  ids_.reserve(tokens_.size());
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const auto fail = [&](const std::string& what) {
      throw DataError(fmt::format("{}: line {}: {}", source_, i + 1, what));
    };
    if (tokens_[i].empty()) fail("expected a token, found an empty line");
    if (!is_utf8(tokens_[i])) fail("expected UTF-8, found other bytes");
    const auto [before, added] = ids_.emplace(tokens_[i], static_cast<std::int32_t>(i));
    if (!added) {
      fail(fmt::format("expected every token once, found '{}' of line {} again", tokens_[i], before->second + 1));
    }
  }
}

const std::string& Vocabulary::token(std::int32_t id) const {
  if (id < 0 || id >= size()) {
    throw Error(fmt::format("{}: expected an id from 0 to {}, found {}", source_, size() - 1, id));
  }
  return tokens_[static_cast<std::size_t>(id)];
}

std::optional<std::int32_t> Vocabulary::find(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::int32_t Vocabulary::id(std::string_view token) const {
  const std::optional<std::int32_t> found = find(token);
  if (!found) throw DataError(fmt::format("{}: expected a line '{}', found none", source_, token));
  return *found;
}

Vocabulary read_vocabulary(const std::filesystem::path& path) {
  const std::string content = datasets::read_plain_or_gzip(path);
  std::vector<std::string> tokens;
  for (datasets::Lines lines(content); lines.next();) tokens.emplace_back(lines.line());
  return Vocabulary(std::move(tokens), path.string());
}

}  // namespace canopy
