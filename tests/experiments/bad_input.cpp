// A grid on a full disk and on data that is damaged or missing: what is whole stays, the error is clear, a resumed run
// gives the same bytes as an undisturbed one.
#include <boost/test/unit_test.hpp>

#include "datasets/files.hpp"
#include "programs/kill.hpp"
#include "support/file_size_limit.hpp"

using program::Folder;
using program::Outcome;
namespace fs = std::filesystem;
using namespace canopy;

BOOST_AUTO_TEST_SUITE(bad_input)

namespace {

bool contains(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

/// Two cells on a small MNIST of its own.
std::vector<std::string> grid(const Folder& folder, const std::string& out) {
  return {"run",       "fff/counterparts",
          "--data",    folder.path().string(),
          "--out",     (folder / out).string(),
          "--set",     "dataset=mnist",
          "--set",     "width=64",
          "--set",     "leaf_width=8",
          "--set",     "recipe=canopy",
          "--set",     "epochs=3",
          "--set",     "batch_size=8",
          "--threads", "2",
          "--resume"};
}

constexpr const char* ff = "mnist-ff-w64-canopy";
constexpr const char* tree = "mnist-fff-w64-l8-canopy";

fs::path cell(const Folder& folder, const std::string& out, const char* name) {
  return folder / out / "cells" / name / "0";
}

/// What an undisturbed run gives.
std::map<std::string, std::string> expected(const Folder& folder) {
  const Outcome outcome = program::run(CANOPY_DRIVER, grid(folder, "undisturbed"));
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  const auto files = program::result_bytes(folder / "undisturbed");
  BOOST_TEST(files.size() == 4u);
  return files;
}

void check_resumed(const Folder& folder, const std::string& out) {
  const Outcome resumed = program::run(CANOPY_DRIVER, grid(folder, out));
  BOOST_TEST(resumed.exit_code == 0, resumed.err);
  BOOST_CHECK(program::result_bytes(folder / out) == expected(folder));
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_file_may_grow) {
  const Folder folder;
  test::write_small_mnist(folder / "mnist");
  {
    const test::FileSizeLimit limit(3'000);  // less than a checkpoint
    const Outcome full = program::run(CANOPY_DRIVER, grid(folder, "full"));
    BOOST_TEST(full.exit_code == 1);
    BOOST_TEST(contains(full.err, "File too large"), full.err);
    BOOST_TEST(contains(full.err, ".safetensors"), full.err);
  }
  BOOST_TEST(program::complete_cells(folder / "full") == 0u);
  for (const char* name : {ff, tree}) {
    BOOST_TEST(contains(program::content(cell(folder, "full", name) / "error.txt"), "File too large"));
  }
  check_resumed(folder, "full");
}

BOOST_AUTO_TEST_CASE(no_space_for_one_cell) {
  const Folder folder;
  test::write_small_mnist(folder / "mnist");
  BOOST_TEST(program::run(CANOPY_DRIVER, grid(folder, "full")).exit_code == 0);
  for (const char* name : {ff, tree}) fs::remove_all(cell(folder, "full", name));
  fs::create_directories(cell(folder, "full", ff));
  fs::create_symlink("/dev/full", cell(folder, "full", ff) / "metrics.csv");
  const Outcome full = program::run(CANOPY_DRIVER, grid(folder, "full"));
  BOOST_TEST(full.exit_code == 1);
  BOOST_TEST(contains(full.err, ff), full.err);
  BOOST_TEST(contains(full.err, "No space left on device"), full.err);
  BOOST_TEST(contains(full.out, "FAILED"), full.out);
  BOOST_TEST(!fs::exists(cell(folder, "full", ff) / "result.json"));
  BOOST_TEST(fs::exists(cell(folder, "full", tree) / "result.json"));  // the rest went on
  fs::remove(cell(folder, "full", ff) / "metrics.csv");
  check_resumed(folder, "full");
}

BOOST_AUTO_TEST_CASE(rows_of_a_finished_training_are_damaged) {
  const Folder folder;
  test::write_small_mnist(folder / "mnist");
  BOOST_TEST(program::run(CANOPY_DRIVER, grid(folder, "run")).exit_code == 0);
  const fs::path rows = cell(folder, "run", ff) / "metrics.csv";
  const std::string whole = program::content(rows);
  for (const std::string damage : {"", "garbage\n"}) {
    fs::remove(cell(folder, "run", ff) / "result.json");
    std::ofstream(rows) << damage;
    const Outcome resumed = program::run(CANOPY_DRIVER, grid(folder, "run"));
    BOOST_TEST(resumed.exit_code == 3);
    BOOST_TEST(contains(resumed.err, "metrics.csv"), resumed.err);
    BOOST_TEST(!fs::exists(cell(folder, "run", ff) / "result.json"));
  }
  std::ofstream(rows) << whole;
  check_resumed(folder, "run");
}

BOOST_AUTO_TEST_CASE(output_that_cannot_be_written) {
  const Folder folder;
  const std::string out = (folder / "run").string();
  const auto shell = [](const std::string& arguments) {
    return program::run("/bin/sh", {"-c", CANOPY_DRIVER " " + arguments});
  };
  test::write_small_mnist(folder / "mnist");
  std::string run;
  for (const std::string& word : grid(folder, "run")) run += word + " ";
  BOOST_TEST(shell(run).exit_code == 0);
  const std::string model = (cell(folder, "run", ff) / "checkpoint.safetensors").string();
  for (const std::string& command :
       {std::string("--version"), std::string("--help"), std::string("run --help"), std::string("list"),
        std::string("list --json"), std::string("data list"), std::string("data verify --json mnist --data ") + out,
        "report --json " + out, "eval " + model + " --dataset mnist --data " + folder.path().string(), run,
        std::string("bench fff-latency --only 'fff depth 4 outputs 10' --repeats 1")}) {
    BOOST_TEST_CONTEXT(command) {
      const Outcome full = shell(command + " >/dev/full");
      BOOST_TEST(full.exit_code == 1);
      BOOST_TEST(contains(full.err, "standard output: No space left on device"), full.err);
      BOOST_TEST(shell(command + " >&-").exit_code == 1);
      BOOST_TEST(shell(command + " >/dev/full 2>/dev/full").exit_code == 1);
      const int good = command.starts_with("data verify") ? 3 : 0;
      BOOST_TEST(shell(command + " 2>/dev/full").exit_code == good);
      BOOST_TEST(shell(command + " 2>&-").exit_code == good);
    }
  }
}

BOOST_AUTO_TEST_CASE(stdout_that_fails_ends_no_run) {
  for (const char* redirection : {">/dev/full", ">&-", "| true"}) {
    const Folder folder;
    const std::string out = (folder / "run").string();
    const Outcome outcome =
        program::run("/bin/sh", {"-c", "{ " FAKE_DRIVER " run 'other/*' fake/count --seeds 1 --set pause=0 --out " +
                                           out + "; echo $? >" + (folder / "code").string() + "; } " + redirection});
    // --set pause is no setting of the others: the grids are all planned before the first cell runs.
    BOOST_TEST(program::content(folder / "code") == "2\n", outcome.err);
    const Outcome all =
        program::run("/bin/sh", {"-c", "{ " FAKE_DRIVER " run 'other/*' fake/count --seeds 1 --out " + out +
                                           "; echo $? >" + (folder / "code").string() + "; } " + redirection});
    BOOST_TEST(program::content(folder / "code") == "1\n", all.err);
    BOOST_TEST(contains(all.err, "standard output: "), all.err);
    for (const char* last : {"other-bare/cells/only", "other-regression/cells/forest-4", "fake-count/cells/none-fff"}) {
      BOOST_TEST(fs::exists(folder / "run" / last / "0/result.json"), last);
    }
  }
}

// What a run reads of itself and cannot is bad data (3); what it cannot write is a failure (1).
BOOST_AUTO_TEST_CASE(state_that_is_no_file) {
  const Folder folder;
  test::write_small_mnist(folder / "mnist");
  BOOST_TEST(program::run(CANOPY_DRIVER, grid(folder, "run")).exit_code == 0);
  const auto refused = [&](const char* name, int exit_code, const auto& make) {
    const fs::path file = cell(folder, "run", tree) / name;
    fs::remove(cell(folder, "run", tree) / "result.json");
    fs::rename(file, folder / "kept");
    make(file);
    const Outcome outcome = program::run(CANOPY_DRIVER, grid(folder, "run"));
    BOOST_TEST(outcome.exit_code == exit_code, outcome.err);
    BOOST_TEST(contains(outcome.err, file.string()), outcome.err);
    fs::remove_all(file);
    fs::rename(folder / "kept", file);
  };
  const auto loop = [](const fs::path& file) { fs::create_symlink(file.filename(), file); };
  const auto inner_folder = [](const fs::path& file) { fs::create_directory(file); };
  const auto text = [](const fs::path& file) { test::write_plain(file, "text"); };
  refused("checkpoint.safetensors", 3, loop);
  refused("checkpoint.safetensors", 3, inner_folder);
  refused("checkpoint.safetensors", 3, text);
  refused("recipe.json", 1, loop);
  refused("recipe.json", 1, inner_folder);
  check_resumed(folder, "run");
}

BOOST_AUTO_TEST_CASE(damaged_and_missing_data) {
  const Folder folder;
  const auto refused = [&](const char* file, const char* words) {
    const Outcome outcome = program::run(CANOPY_DRIVER, grid(folder, "run"));
    BOOST_TEST(outcome.exit_code == 3);
    BOOST_TEST(contains(outcome.err, file), outcome.err);
    BOOST_TEST(contains(outcome.err, words), outcome.err);
  };
  refused("train-images-idx3-ubyte", "canopy data fetch mnist");
  test::write_small_mnist(folder / "mnist");
  const std::string whole = program::content(folder / "mnist" / "train-images-idx3-ubyte.gz");
  test::write_plain(folder / "mnist" / "train-images-idx3-ubyte.gz", whole.substr(0, whole.size() / 2));
  refused("train-images-idx3-ubyte.gz", "truncated");
  test::write_plain(folder / "mnist" / "train-images-idx3-ubyte.gz", whole);
  test::write_plain(folder / "mnist" / "t10k-labels-idx1-ubyte", test::idx({12}, 1, 12));
  refused("t10k-labels-idx1-ubyte", "from 0 to 9");
  test::write_small_mnist(folder / "mnist");
  check_resumed(folder, "run");
}

BOOST_AUTO_TEST_SUITE_END()
