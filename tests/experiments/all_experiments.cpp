// What holds for every experiment: its grid, its training on a small data set, its resumption.
#include <canopy/experiments/experiments.hpp>

#include <cctype>
#include <cmath>
#include <set>

#include <canopy/experiments/harness/configuration.hpp>
#include <canopy/nn/transformers/crammed_bert.hpp>

#include <fmt/format.h>

#include "datasets/files.hpp"
#include "datasets/packed.hpp"
#include "programs/kill.hpp"

using program::Folder;
using namespace canopy;

BOOST_AUTO_TEST_SUITE(all_experiments)

namespace {

const harness::Experiment& experiment(const std::string& name) { return harness::find_experiment(experiments(), name); }

std::vector<harness::Cell> cells(const std::string& name, const std::string& preset,
                                 const std::vector<std::string>& assignments = {}) {
  return harness::selected_cells(experiment(name), harness::resolve(experiment(name), preset, 0, "", assignments));
}

// 600 and 100 images of 6 x 5 in 7 classes.
void write_images(const program::fs::path& folder) {
  program::fs::create_directories(folder);
  const auto write = [&](const char* name, const std::string& content) { test::write_plain(folder / name, content); };
  write("train-images", test::idx({600, 6, 5}, 37, 251));
  write("train-labels", test::idx({600}, 3, 7));
  write("test-images", test::idx({100, 6, 5}, 91, 241));
  write("test-labels", test::idx({100}, 5, 7));
}

void write_text(const program::fs::path& folder) {
  program::fs::create_directories(folder / "text");
  test::write_plain(folder / "text/words.txt", test::documents(2000));
}

struct Small {
  const char* name;
  std::vector<std::string> set;
  std::size_t cells;
  bool images = true;  // else text
};

// Each with every recipe that it has.
const std::vector<Small>& small_grids() {
  static const std::vector<Small> grids = {
      {"fff/counterparts", {"width=8", "leaf_width=8,2", "recipe=literal,nearest,canopy"}, 9},
      {"fff/inference-counterparts", {"leaf_width=2", "depth=2", "recipe=literal,nearest,canopy"}, 6},
      {"fff/experts", {"width=64", "batch_size=128", "recipe=literal,nearest,canopy"}, 9},
      {"fff/hardening", {"depth=2", "batch_size=32"}, 3},
      {"fff/ablation", {"width=8", "leaf_width=2"}, 17},
      {"fff/vit",
       {"width=8", "leaf_width=2", "literal_leaf_width=2", "recipe=canopy,literal,literal-h10,literal-frozen",
        "patch=1", "model_width=8", "blocks=2", "heads=2", "batch_size=64", "images=300"},
       9},
      {"balance/load-balance", {"width=8", "leaf_width=2"}, 4},
      {"balance/master-leaf", {"width=8", "leaf_width=2"}, 5},
      {"language/pretrain",
       {"feedforward=dense,2x3,none", "recipe=canopy,literal", "blocks=2", "width=8", "heads=2", "hidden=12",
        "vocabulary=60", "sequence_length=16", "tokens=150000", "evaluate_every=30000", "evaluation_sequences=40",
        "batch_size=32", "accumulate=4"},
       6,
       false}};
  return grids;
}

std::vector<std::string> arguments(const Small& grid, const Folder& folder, const std::string& out) {
  std::vector<std::string> words = {"run", grid.name, "--out", (folder / out).string(), "--threads", "2", "--resume"};
  if (grid.images) {
    words.insert(words.end(), {"--set", "dataset=idx:" + (folder / "images").string(), "--set", "epochs=4"});
  } else {  // which each run packs for itself
    words.insert(words.end(), {"--data", (folder / ("data" + out.substr(out.size() - 2))).string()});
  }
  for (const std::string& assignment : grid.set) {
    words.push_back("--set");
    words.push_back(assignment);
  }
  return words;
}

harness::Json result_of(const Folder& folder, const std::string& out, const std::string& cell) {
  return harness::Json::parse(program::content(folder / out / "cells" / cell / "0" / "result.json"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_preset_is_a_grid) {
  BOOST_TEST(experiments().size() == 9u);
  for (const harness::Experiment& each : experiments()) {
    BOOST_TEST_CONTEXT(each.name) {
      std::vector<std::string> presets;
      for (const harness::Preset& preset : each.presets) {
        presets.push_back(preset.name);
        BOOST_TEST(!cells(each.name, preset.name).empty());
        BOOST_TEST(preset.seconds > 0);
      }
      BOOST_TEST(presets == (std::vector<std::string>{"quick", "standard", "paper"}));
      BOOST_TEST(each.presets.front().seconds <= 180);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_recipe_is_refused_before_anything_runs) {
  for (const harness::Experiment& each : experiments()) {
    BOOST_CHECK_THROW(cells(each.name, "quick", {"recipe=secret"}), ConfigError);
    BOOST_CHECK_THROW(cells(each.name, "quick", {"epochs=0"}), ConfigError);
    BOOST_CHECK_THROW(cells(each.name, "quick", {"selection=luck"}), ConfigError);
    BOOST_CHECK_THROW(cells(each.name, "quick", {"balance_phase=1"}), ConfigError);
  }
}

BOOST_AUTO_TEST_CASE(counterparts_have_the_inference_size_of_their_trees) {
  std::set<std::string> names;
  for (const harness::Cell& cell : cells("fff/inference-counterparts", "standard", {"dataset=mnist", "recipe=canopy"}))
    names.insert(cell.name);
  // Leaf widths 2 to 32 at depths 2 and 6; 8 and 10 are each the size of two trees.
  BOOST_TEST(names.size() == 12u + 10u);
  BOOST_TEST(names.contains("mnist-ff-w38-canopy"));
  BOOST_TEST(names.contains("mnist-fff-w2048-l32-canopy"));
  names.clear();
  for (const harness::Cell& cell : cells("balance/master-leaf", "paper", {"dataset=mnist", "recipe=validated"}))
    names.insert(cell.name);
  BOOST_TEST(names.contains("mnist-master-leaf-w128-l8-validated"));
  BOOST_TEST(names.contains("mnist-ff-w20-validated"));  // 4 + 8 + the master leaf's 8
}

BOOST_AUTO_TEST_CASE(the_papers_numbers_stand_beside_their_cells) {
  int found = 0;
  for (const harness::Cell& cell : cells("fff/experts", "paper", {"recipe=literal"})) {
    const auto paper = experiment("fff/experts").paper_numbers(cell);
    BOOST_TEST(paper.contains("m_a_ett"), cell.name);
    if (cell.name == "cifar-10-moe-w1024-l16-literal") {
      BOOST_TEST(paper.at("g_a") == 35.2);
      ++found;
    }
    if (cell.name == "cifar-10-fff-w64-l32-literal") {
      BOOST_TEST(paper.at("m_a_ett") == 302);
      ++found;
    }
  }
  BOOST_TEST(found == 2);
  for (const harness::Cell& cell : cells("balance/load-balance", "paper", {"recipe=released"})) {
    const bool published = cell.text("dataset") == "fashion-mnist" || cell.number("training_width") == 16;
    BOOST_TEST(experiment("balance/load-balance").paper_numbers(cell).contains("g_a") == published, cell.name);
  }
}

BOOST_AUTO_TEST_CASE(every_experiment_gives_the_same_bytes_after_it_was_killed) {
  const Folder folder;
  write_images(folder / "images");
  write_text(folder / "data-a");
  write_text(folder / "data-b");
  for (const Small& grid : small_grids()) {
    BOOST_TEST_CONTEXT(grid.name) {
      const auto begin = std::chrono::steady_clock::now();
      const program::Outcome outcome =
          program::run(CANOPY_DRIVER, arguments(grid, folder, std::string(grid.name) + "-a"));
      BOOST_TEST(outcome.exit_code == 0, outcome.err);
      const auto whole =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
      const auto expected = program::result_bytes(folder / (std::string(grid.name) + "-a"));
      BOOST_TEST(expected.size() >= 2 * grid.cells);
      const int killed = program::kill_until_done(CANOPY_DRIVER, arguments(grid, folder, std::string(grid.name) + "-b"),
                                                  SIGKILL, whole / 2);
      BOOST_TEST_MESSAGE(grid.name << ": ended " << killed << " times");
      BOOST_CHECK(program::result_bytes(folder / (std::string(grid.name) + "-b")) == expected);
    }
  }

  // Selected on the test set, as released, or on images held out from training.
  const std::string dataset = "images";  // the last name of the folder
  const auto released = result_of(folder, "balance/master-leaf-a", dataset + "-master-leaf-w8-l2-released");
  BOOST_TEST(released.at("validation_accuracy") == released.at("g_a"));
  BOOST_TEST(released.at("mix") > 0.5);  // it starts at 0.62
  BOOST_TEST(released.at("mix") < 0.7);
  BOOST_TEST(released.at("g_a_ett") > 2);  // the second phase selects anew
  const auto mixture = result_of(folder, "fff/experts-a", dataset + "-moe-w64-l16-canopy");
  BOOST_TEST(mixture.at("leaves") == 4);
  BOOST_TEST(mixture.at("g_a_soft").is_null());
  // Every 20 steps of 5 epochs of 17 batches.
  const std::string entropies =
      program::content(folder / "fff/hardening-a/cells" / (dataset + "-fff-w32-l8-literal") / "0/entropies.csv");
  BOOST_TEST(
      entropies.starts_with("step,entropy_level_0,entropy_level_1,entropy_node_0,entropy_node_1,entropy_node_2\n0,"));
  BOOST_TEST(entropies.find("\n60,") != std::string::npos);

  // A column and a record for each block of a vision transformer.
  const auto transformer = folder / "fff/vit-a/cells" / (dataset + "-fff-w8-l2-canopy") / "0";
  BOOST_TEST(program::content(transformer / "entropies.csv").starts_with("step,entropy_layer_1,entropy_layer_2\n0,"));
  const auto layers = harness::Json::parse(program::content(transformer / "layers.json"));
  BOOST_TEST(layers.size() == 2u);
  BOOST_TEST(layers[1].at("layer") == "encoder.1.feedforward");
  BOOST_TEST(layers[1].at("leaves") == 4);

  // A language model's last state is its checkpoint; its trees' use is told by layer.
  const auto language = folder / "language/pretrain-a/cells/text-2x3-canopy/0";
  const auto pretrained = result_of(folder, "language/pretrain-a", "text-2x3-canopy");
  BOOST_TEST(pretrained.at("tokens") > 149000);
  BOOST_TEST(pretrained.at("tokens") <= 150016);  // 293 batches of 32 x 16
  BOOST_TEST(std::abs(std::exp(pretrained.at("loss").get<double>()) / pretrained.at("perplexity").get<double>() - 1) <
             1e-12);
  BOOST_TEST(pretrained.at("perplexity") < 60);
  BOOST_TEST(pretrained.at("leaves") == 16);
  BOOST_TEST(result_of(folder, "language/pretrain-a", "text-none-canopy").at("leaves").is_null());
  const auto forests = harness::Json::parse(program::content(language / "layers.json"));
  BOOST_TEST(forests.size() == 2u);
  BOOST_TEST(forests[1].at("layer") == "bert.encoder.1.feedforward");
  BOOST_TEST(nn::load_crammed_bert(language / "checkpoint.safetensors")->options().feedforward.depth == 3);
  const std::string rows = program::content(language / "metrics.csv");
  BOOST_TEST(rows.starts_with("token,loss,masked_accuracy,perplexity,leaves_used,maximum_leaf_load\n0,"));
  BOOST_TEST(rows.find("\n30208,") != std::string::npos);  // a row for 59 batches

  // The checkpoint is the model of G_A; last.safetensors is whole, too.
  const auto score_of = [&](const program::fs::path& file) {
    const auto outcome = program::run(
        CANOPY_DRIVER, {"eval", file.string(), "--dataset", "idx:" + (folder / "images").string(), "--soft", "--json"});
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return harness::Json::parse(outcome.out);
  };
  const auto cell = folder / "balance/master-leaf-a/cells" / (dataset + "-master-leaf-w8-l2-released") / "0";
  score_of(cell / "last.safetensors");
  const auto of_vit = result_of(folder, "fff/vit-a", dataset + "-fff-w8-l2-canopy");
  for (const auto& [file, result] : {std::pair(cell, released), std::pair(transformer, of_vit)}) {
    const auto score = score_of(file / "checkpoint.safetensors");
    BOOST_TEST(score.at("accuracy_soft") == result.at("g_a_soft"));
    BOOST_TEST(score.at("accuracy_hard") == result.at("g_a"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
