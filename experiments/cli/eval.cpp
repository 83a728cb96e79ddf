// canopy eval: scores a saved classifier, or a language model on a task of GLUE.
#include <cmath>
#include <memory>
#include <optional>

#include <canopy/core/environment.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/expect.hpp>
#include <canopy/experiments/harness/terminal.hpp>
#include <canopy/experiments/language/evaluate_glue.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

using harness::Json;

struct EvalCommand : EvalOptions {
  std::optional<std::string> chosen_split = {};
  int threads = hardware_threads();
  bool soft = false;
  std::vector<std::string> expect;
  bool json = false;
};

Json to_json(const EvalCommand& options, const EvalResult& result) {
  return {{"checkpoint", options.checkpoint.string()},
          {"dataset", options.dataset},
          {"split", options.split},
          {"samples", result.samples},
          {"accuracy", options.soft ? result.accuracy_soft : result.accuracy_hard},
          {"accuracy_hard", result.accuracy_hard},
          {"accuracy_soft", result.accuracy_soft},
          {"leaves", result.leaves},
          {"leaves_used", result.leaves_used},
          {"maximum_leaf_load", result.maximum_leaf_load}};
}

std::string to_text(const EvalCommand& options, const EvalResult& result) {
  return fmt::format(
      "{} on {} ({}, {} samples)\n"
      "accuracy           {:.2f} %{}\n"
      "  hard             {:.2f} %\n"
      "  soft             {:.2f} %\n"
      "leaves used        {}/{}\n"
      "maximum leaf load  {:.2f} %\n",
      options.checkpoint.string(), options.dataset, options.split, result.samples,
      options.soft ? result.accuracy_soft : result.accuracy_hard, options.soft ? " (soft)" : "", result.accuracy_hard,
      result.accuracy_soft, result.leaves_used, result.leaves, result.maximum_leaf_load);
}

bool is_glue(const EvalCommand& options) { return options.dataset.starts_with("glue:"); }

Json to_json(const EvalCommand& options, const language::GlueResult& result) {
  Json json = {{"checkpoint", options.checkpoint.string()},
               {"dataset", options.dataset},
               {"split", options.split},
               {"samples", result.samples},
               {"answers", result.answers}};
  for (const auto& [metric, value] : result.metrics) json[metric] = std::isnan(value) ? Json() : Json(value);
  return json;
}

std::string to_text(const EvalCommand& options, const language::GlueResult& result) {
  std::string text = fmt::format("{} on {} ({}, {} samples, {})\n", options.checkpoint.string(), options.dataset,
                                 options.split, result.samples, result.answers);
  for (const auto& [metric, value] : result.metrics) text += fmt::format("{:<10} {:.2f}\n", metric, value);
  return text;
}

void eval_glue(const EvalCommand& options) {
  const std::vector<harness::Expectation> expectations = harness::parse_expectations(options.expect);
  const std::string name = options.checkpoint.stem().string();
  language::GlueResult none;
  for (const std::string& metric : language::glue_metrics(options.dataset)) none.metrics.emplace_back(metric, 0.);
  check_names(expectations, {{name, to_json(options, none)}});
  const ThreadGuard guard(options.threads);
  harness::say(banner("none") + "\n");
  const language::GlueResult result = language::evaluate_glue(
      {.folder = options.checkpoint, .dataset = options.dataset, .split = options.split, .data = options.data});
  const Json json = to_json(options, result);
  harness::print(options.json ? harness::to_text(json, 2) + "\n" : to_text(options, result));
  check(expectations, {{name, json}});
}

void eval(const Program& program, EvalCommand options) {
  options.split = options.chosen_split.value_or(is_glue(options) ? "dev" : "test");
  if (is_glue(options)) return eval_glue(options);

  const std::vector<harness::Expectation> expectations = harness::parse_expectations(options.expect);
  const std::string name = options.checkpoint.stem().string();
  check_names(expectations, {{name, to_json(options, EvalResult())}});
  if (!failing_as<CheckpointError>(options.checkpoint, [&] { return file_exists(options.checkpoint); })) {
    throw CheckpointError(fmt::format("{}: no such file", options.checkpoint.string()));
  }
  const ThreadGuard guard(options.threads);
  harness::say(banner("none") + "\n");
  const EvalResult result = program.evaluate(options);
  const Json json = to_json(options, result);
  if (options.json) {
    harness::print(harness::to_text(json, 2) + "\n");
  } else {
    harness::print(to_text(options, result));
  }
  check(expectations, {{name, json}});
}

}  // namespace

void add_eval(CLI::App& app, const Program& program) {
  CLI::App* command = app.add_subcommand("eval", "Score a saved classifier");
  const auto options = std::make_shared<EvalCommand>();
  command->add_option("CHECKPOINT", options->checkpoint, "A safetensors file; for GLUE the folder of a BERT")
      ->required();
  command->add_option("--dataset", options->dataset, "Name of a data set, idx:FOLDER or glue:TASK")->required();
  command->add_option("--split", options->chosen_split, "test (of GLUE dev) or train")
      ->check(CLI::IsMember({"test", "dev", "train"}));
  command->add_flag("--soft", options->soft, "Score the mixture of all leaves instead of one leaf an input");
  command->add_option("--input-range", options->input_range,
                      "0,1 or -1,1: the inputs of a model whose file does not say");
  command->add_option("--data", options->data, "Folder of the data sets");
  command->add_option("--threads", options->threads, "Threads")
      ->capture_default_str()
      ->check(whole_number(1, most_threads));
  command->add_option("--expect", options->expect, "'FIELD>=VALUE': fail with code 4 where this is missed")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "Print one JSON value");
  command->callback([options, &program] { eval(program, *options); });
}

}  // namespace canopy::cli
