#include <canopy/datasets/text/corpus/packing.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/file_lock.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/datasets/digest.hpp>
#include <canopy/datasets/text/corpus/packed_format.hpp>
#include <canopy/datasets/text/corpus/packing_journal.hpp>
#include <canopy/datasets/text/corpus/packing_settings.hpp>
#include <canopy/datasets/text/corpus/sequence_file.hpp>

#include <fmt/format.h>

namespace canopy::datasets {
namespace {

namespace fs = std::filesystem;
using packed::Metadata;

/// The folder of what is unfinished.
fs::path part_of(const fs::path& out) { return out.string() + ".part"; }

void remove_part(const fs::path& out) {
  std::error_code ignored;
  fs::remove_all(part_of(out), ignored);
}

bool is_packed(const fs::path& out, const Metadata& settings) {
  if (!failing_as<DataError>(out, [&] { return file_exists(out); })) return false;
  packed::require_same(out, settings, PackedText(out).metadata());
  remove_part(out);  // of a process that was killed as it did so
  return true;
}

/// Evenly distributed over the documents, and the same for equal ones.
bool is_held_out(std::string_view document, double share) {
  if (share <= 0) return false;
  constexpr std::size_t digits = 13;  // 52 bits, which a double holds
  const std::string digest = datasets::digest(DigestKind::sha256, document);
  std::uint64_t bits = 0;
  std::from_chars(digest.data(), digest.data() + digits, bits, 16);
  return static_cast<double>(bits) * 0x1p-52 < share;
}

/// A packing that goes on where its folder says.
class Packing {
 public:
  Packing(const fs::path& out, const Metadata& settings, const packed::SequenceFormat& format)
      : out_(out),
        folder_(part_of(out)),
        lock_(locked(folder_)),
        format_(format),
        journal_(started(folder_ / "journal.json", settings)),
        training_(folder_ / packed::training_name, format, journal_.training),
        held_out_(folder_ / packed::held_out_name, format, journal_.held_out) {}

  /// False where `on_packed` stopped it.
  bool pack(CorpusReader corpus, const BertTokenizer& tokenizer, const PackingOptions& options,
            const OnPacked& on_packed) {
    for (std::int64_t i = 0; i < journal_.pieces; ++i) corpus.next();
    for (;;) {
      const std::vector<TextPiece> pieces = corpus.next(static_cast<std::size_t>(options.batch_bytes));
      if (pieces.empty()) break;
      for (const Tokens& piece : tokenized(pieces, tokenizer, options.held_out)) add(piece);
      save(std::ssize(pieces));
      if (on_packed && !on_packed(corpus.bytes())) return false;
    }
    if (journal_.in_document) side().end_document();
    training_.sync();
    held_out_.sync();
    return true;
  }

  /// Puts everything together.
  void finish() {
    const packed::SequenceCount &training = training_.count(), &held_out = held_out_.count();
    if (training.sequences == 0) {
      remove_part(out_);
      throw DataError(
          fmt::format("{}: expected text for at least one sequence of {} tokens, found {} tokens for training",
                      out_.string(), format_.row.length, training.pending.size()));
    }
    Metadata metadata = journal_.settings;
    metadata["training_documents"] = std::to_string(training.documents);
    metadata["held_out_documents"] = std::to_string(held_out.documents);
    const MappedFile training_file(folder_ / packed::training_name), held_out_file(folder_ / packed::held_out_name);
    const auto for_each_block = [&](const packed::TakeBlock& take) {
      packed::for_each_block(training_file, 0, static_cast<std::uint64_t>(training.sequences * format_.row.bytes()),
                             take);
      packed::for_each_block(held_out_file, 0, static_cast<std::uint64_t>(held_out.sequences * format_.row.bytes()),
                             take);
    };
    Digest digest(DigestKind::sha256);
    packed::add(metadata, digest);
    for_each_block([&](const char* bytes, std::size_t count) { digest.add(bytes, count); });
    metadata[packed::digest_key] = digest.digits();
    FileWriter writer(out_);
    writer.write(packed::header_of(metadata, format_.row, training.sequences, held_out.sequences));
    for_each_block([&](const char* bytes, std::size_t count) { writer.write(bytes, count); });
    writer.commit();
    remove_part(out_);
  }

 private:
  /// Of one piece.
  struct Tokens {
    std::vector<std::int32_t> ids;
    bool begins_document, is_held_out;
  };

  static fs::path locked(const fs::path& folder) {
    make_folder(folder);
    return folder / "lock";
  }

  static packed::Journal started(const fs::path& file, const Metadata& settings) {
    std::optional<packed::Journal> journal = packed::read_journal(file);
    if (!journal) return {.settings = settings};
    packed::require_same(file.parent_path(), settings, journal->settings);
    return *std::move(journal);
  }

  static std::vector<Tokens> tokenized(std::span<const TextPiece> pieces, const BertTokenizer& tokenizer,
                                       double share) {
    std::vector<Tokens> all(pieces.size());
    const std::int64_t size = std::ssize(pieces), ranges = 8 * threads();
    parallel_for(size, (size + ranges - 1) / ranges, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        all[i].begins_document = pieces[i].begins_document;
        all[i].is_held_out = pieces[i].begins_document && is_held_out(pieces[i].text, share);
        tokenizer.append(pieces[i].text, all[i].ids);
      }
    });
    return all;
  }

  packed::SequenceFile& side() { return journal_.is_held_out ? held_out_ : training_; }

  void add(const Tokens& piece) {
    if (piece.begins_document) {
      if (journal_.in_document) side().end_document();
      journal_.in_document = true;
      journal_.is_held_out = piece.is_held_out;
      side().begin_document();
    }
    side().add(piece.ids);
  }

  /// The rows first: the journal promises that they are there.
  void save(std::int64_t pieces) {
    training_.sync();
    held_out_.sync();
    journal_.pieces += pieces;
    journal_.training = training_.count();
    journal_.held_out = held_out_.count();
    packed::write_journal(folder_ / "journal.json", journal_);
  }

  fs::path out_, folder_;
  FileLock lock_;
  packed::SequenceFormat format_;
  packed::Journal journal_;
  packed::SequenceFile training_, held_out_;
};

}  // namespace

SequenceLayout parse_sequence_layout(std::string_view name) {
  for (const SequenceLayout layout : {SequenceLayout::framed, SequenceLayout::continuous}) {
    if (name == to_string(layout)) return layout;
  }
  throw ConfigError(fmt::format("layout of sequences: expected framed or continuous, not '{}'", name));
}

std::string_view to_string(SequenceLayout layout) { return layout == SequenceLayout::framed ? "framed" : "continuous"; }

PackingOutcome pack_text(std::span<const fs::path> inputs, const BertTokenizer& tokenizer, const fs::path& out,
                         const PackingOptions& options, const OnPacked& on_packed) {
  packed::check(options);
  const std::vector<fs::path> files = corpus_files(inputs);
  const Metadata settings = packed::settings_of(files, tokenizer, options);
  if (is_packed(out, settings)) return PackingOutcome::already_packed;
  const packed::SequenceFormat format{
      .row = {.length = options.length, .id = packed::id_format(tokenizer.vocabulary().size())},
      .layout = options.layout,
      .special = tokenizer.special()};
  Packing packing(out, settings, format);
  if (is_packed(out, settings)) return PackingOutcome::already_packed;  // by whoever held the lock until now
  if (!packing.pack({files, options.documents}, tokenizer, options, on_packed)) return PackingOutcome::stopped;
  packing.finish();
  return PackingOutcome::packed;
}

}  // namespace canopy::datasets
