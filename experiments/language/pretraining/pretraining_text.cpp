#include <canopy/experiments/language/pretraining/pretraining_text.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/file_lock.hpp>
#include <canopy/datasets/catalog.hpp>
#include <canopy/datasets/dataset_name.hpp>
#include <canopy/datasets/text/corpus/packing.hpp>
#include <canopy/datasets/text/corpus/vocabulary_training.hpp>
#include <canopy/experiments/harness/experiment.hpp>

#include <fmt/format.h>

namespace canopy::language {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view own_text = "text", packed_prefix = "packed:";

// "wiki.valid.tokens.gz": a part between dots says so.
bool is_for_evaluation(const fs::path& file) {
  const std::string name = file.filename().string();
  return std::ranges::any_of(std::vector<std::string>{".valid.", ".validation.", ".dev.", ".test."},
                             [&](const std::string& part) { return name.find(part) != std::string::npos; });
}

bool stop(const TextPreparation& preparation) { return preparation.stop_requested && preparation.stop_requested(); }

void say(const TextPreparation& preparation, const std::string& text) {
  if (preparation.say) preparation.say(text);
}

std::unique_ptr<FileLock> wait_for(const fs::path& file, const TextPreparation& preparation) {
  for (;;) {
    try {
      return std::make_unique<FileLock>(file);
    } catch (const ConfigError&) {  // another holds it
      if (stop(preparation)) throw harness::Interrupted();
      say(preparation, "waiting for the text that another process packs");
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }
}

std::string megabytes(const char* doing, std::int64_t bytes) {
  return fmt::format("{}, {:.0f} MB", doing, static_cast<double>(bytes) / 1e6);
}

PackedText pack_own(const PretrainingText& text, const TextPreparation& preparation) {
  const fs::path root = datasets::data_root(preparation.data);
  if (root.empty()) throw DataError("text: there is no folder of data sets; name one with --data");
  const std::vector<fs::path> inputs = {root / own_text};
  std::vector<fs::path> files = datasets::corpus_files(inputs);
  std::erase_if(files, is_for_evaluation);
  if (files.empty()) throw DataError(fmt::format("{}: nothing but validation and test parts", inputs[0].string()));
  const fs::path folder = root / "packed" / fmt::format("{}-v{}-l{}", own_text, text.vocabulary, text.sequence_length);
  make_folder(folder);
  const std::unique_ptr<FileLock> lock = wait_for(folder / ".lock", preparation);
  const fs::path vocabulary = folder / "vocab.txt", packed = folder / "text.tokens";
  if (!file_exists(vocabulary)) {
    const datasets::WordCounts words =
        datasets::count_words({files, datasets::DocumentEnd::file}, {}, [&](std::int64_t bytes) {
          if (stop(preparation)) throw harness::Interrupted();
          say(preparation, megabytes("counting words", bytes));
        });
    say(preparation, fmt::format("finding a vocabulary of {} tokens", text.vocabulary));
    datasets::write_vocabulary(vocabulary, datasets::train_vocabulary(words, {.size = text.vocabulary}));
  }
  const auto on_packed = [&](std::int64_t bytes) {
    say(preparation, megabytes("packing text", bytes));
    return !stop(preparation);
  };
  const datasets::PackingOutcome outcome =
      datasets::pack_text(files, load_tokenizer(vocabulary), packed, {.length = text.sequence_length}, on_packed);
  if (outcome == datasets::PackingOutcome::stopped) throw harness::Interrupted();
  return PackedText(packed);
}

PackedText open(const fs::path& file, const PretrainingText& text) {
  PackedText packed(file);
  const auto require = [&](const char* setting, std::int64_t found, std::int64_t wanted) {
    if (found == wanted) return;
    throw ConfigError(fmt::format("{}: {} was packed with {}, not {}", setting, file.string(), found, wanted));
  };
  require("vocabulary", packed.training().vocabulary_size(), text.vocabulary);
  require("sequence_length", packed.training().length(), text.sequence_length);
  return packed;
}

}  // namespace

void PretrainingText::check() const {
  if (name == own_text || (name.starts_with(packed_prefix) && name.size() > packed_prefix.size())) return;
  throw ConfigError(fmt::format("text: '{}' is neither text nor packed:FILE", name));
}

std::string PretrainingText::short_name() const {
  // Packed text is a safetensors file.
  return name == own_text ? name : datasets::short_name("safetensors:" + name.substr(packed_prefix.size()));
}

PackedText prepare_text(const PretrainingText& text, const TextPreparation& preparation) {
  text.check();
  return text.name == own_text ? pack_own(text, preparation) : open(text.name.substr(packed_prefix.size()), text);
}

}  // namespace canopy::language
