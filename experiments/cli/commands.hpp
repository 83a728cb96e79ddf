// The commands of the driver, each in a file of its own: it declares its options and what happens when it is called.
#pragma once

#include <canopy/core/error.hpp>
#include <canopy/datasets/text/bert_tokenizer.hpp>
#include <canopy/experiments/cli/program.hpp>

#include <CLI/CLI.hpp>

namespace canopy::cli {

/// A command that printed what it has, but cannot be said to have succeeded.
class Failed : public Error {
 public:
  Failed(const std::string& text, int code) : Error(text), exit_code(code) {}
  const int exit_code;
};

/// The words of the command line, for the line that says how to resume.
using CommandLine = std::vector<std::string>;

/// Of an option that counts something: refuses what is no whole number in this range, "at least 1, not 0".
CLI::Validator whole_number(int least, int most);
inline constexpr int most_threads = 1024, most_repeats = 1'000'000;

/// That of a vocab.txt or a folder; `cased` whatever the folder says.
BertTokenizer tokenizer_of(const std::filesystem::path& vocabulary, bool cased);

void add_list(CLI::App& app, const Program& program);
void add_run(CLI::App& app, const Program& program, const CommandLine& words);
void add_worker(CLI::App& app, const Program& program);
void add_report(CLI::App& app, const Program& program);
void add_eval(CLI::App& app, const Program& program);
void add_bench(CLI::App& app, const Program& program);
void add_data(CLI::App& app);
void add_text(CLI::App& app);
void add_text_vocabulary(CLI::App& text);
void add_text_pack(CLI::App& text);
void add_embed(CLI::App& app);
void add_fill_mask(CLI::App& app);

}  // namespace canopy::cli
