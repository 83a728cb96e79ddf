// The command line from outside: exit codes, what goes to stdout and what to stderr.
#include <algorithm>
#include <iterator>
#include <sstream>

#include <canopy/experiments/harness/json.hpp>

#include <boost/asio.hpp>
#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"
#include "support/environment.hpp"

using canopy::harness::Json;
using program::Folder;
using program::Outcome;

BOOST_AUTO_TEST_SUITE(driver)

namespace {

Outcome fake(const std::vector<std::string>& arguments) {
  Outcome outcome = program::run(FAKE_DRIVER, arguments);
  BOOST_TEST_MESSAGE(outcome.err);
  return outcome;
}

bool contains(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

/// One clear line on stderr, nothing on stdout.
void refused(const std::vector<std::string>& arguments, int code, const std::string& words) {
  const Outcome outcome = fake(arguments);
  BOOST_TEST(outcome.exit_code == code);
  BOOST_TEST(contains(outcome.err, words), outcome.err);
  BOOST_TEST(std::ranges::count(outcome.err, '\n') == 1);
  BOOST_TEST(outcome.out.empty());
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_real_one_starts) {
  const Outcome list = program::run(CANOPY_DRIVER, {"list", "--json"});
  BOOST_TEST(list.exit_code == 0);
  BOOST_TEST(Json::parse(list.out).is_array());
  BOOST_TEST(list.err.empty());
  BOOST_TEST(program::run(CANOPY_DRIVER, {"--help"}).exit_code == 0);
  BOOST_TEST(program::run(CANOPY_DRIVER, {"run", "no/such"}).exit_code == 2);
}

BOOST_AUTO_TEST_CASE(wrong_usage) {
  refused({}, 2, "--help");
  refused({"dance"}, 2, "dance");
  refused({"run"}, 2, "NAME");
  refused({"run", "fake/none"}, 2, "known are: fake/count");
  for (const char* command : {"run fake/count", "bench sleep", "eval x --dataset y"}) {
    std::istringstream words(command);
    const std::vector<std::string> arguments(std::istream_iterator<std::string>(words), {});
    const auto with = [&](const char* option, const char* value) {
      std::vector<std::string> all = arguments;
      all.insert(all.end(), {option, value});
      return all;
    };
    refused(with("--threads", "0"), 2, "--threads: at least 1, not 0");
    refused(with("--threads", "-3"), 2, "--threads: at least 1, not -3");
    refused(with("--threads", "two"), 2, "--threads: a whole number from 1 on, not two");
    refused(with("--threads", "1.5"), 2, "--threads: a whole number from 1 on, not 1.5");
    refused(with("--threads", "99999999999"), 2, "--threads: at most 1024, not 99999999999");
  }
  refused({"run", "fake/count", "--seeds", "0"}, 2, "--seeds: at least 1, not 0");
  refused({"bench", "sleep", "--repeats", "0"}, 2, "--repeats: at least 1, not 0");
  refused({"run", "fake/count", "--preset", "fast"}, 2, "known are: quick, paper");
  refused({"run", "fake/count", "--set", "epoch=3"}, 2, "epochs, pause, models");
  refused({"run", "fake/count", "--only", "x*"}, 2, "none-ff, none-fff");
  refused({"run", "fake/count", "--expect", "x:g_a>=1"}, 2, "none-ff, none-fff");
  refused({"run", "fake/count", "--expect", "g_b>=1"}, 2, "g_a");
  refused({"report", "/nowhere"}, 3, "/nowhere/config.toml");
  refused({"bench", "fake"}, 2, "known are: sleep");
  refused({"eval", "/nowhere.safetensors", "--dataset", "mnist"}, 3, "/nowhere.safetensors");
}

BOOST_AUTO_TEST_CASE(data) {
  const Folder folder;
  std::filesystem::create_directories(folder / "mnist");
  std::ofstream((folder / "mnist") / "train-images-idx3-ubyte") << "x";
  const std::string root = folder / "";
  const Outcome list = fake({"data", "list", "mnist", "--data", root, "--json"});
  BOOST_TEST(list.exit_code == 0);
  BOOST_TEST(Json::parse(list.out)[0]["name"].get<std::string>() == "mnist");
  const Outcome damaged = fake({"data", "verify", "mnist", "--data", root});
  BOOST_TEST(damaged.exit_code == 3);
  BOOST_TEST(contains(damaged.err, "train-images-idx3-ubyte"));
  const Outcome missing = fake({"data", "verify", "usps", "--data", root});
  BOOST_TEST(missing.exit_code == 3);
  BOOST_TEST(contains(missing.err, root));
  refused({"data", "list", "mnst"}, 2, "fashion-mnist");
  refused({"data"}, 2, "subcommand");
}

BOOST_AUTO_TEST_CASE(fetch) {
  const Folder folder;
  const std::string root = folder / "";
  refused({"data", "fetch", "mnst"}, 2, "fashion-mnist");
  refused({"data", "fetch", "--from", "file:///nowhere"}, 2, "--from");
  refused({"data", "fetch", "mnist", "--data", root, "--from", "nowhere"}, 2, "nowhere");
  // Nobody answers: what was tried, and what to do by hand.
  const Outcome unreachable = fake({"data", "fetch", "svhn", "--data", root, "--from", "http://127.0.0.1:1"});
  BOOST_TEST(unreachable.exit_code == 1);
  BOOST_TEST(unreachable.out.empty());
  for (const char* words :
       {"http://127.0.0.1:1/train_32x32.mat", "http://ufldl.stanford.edu/housenumbers/train_32x32.mat"}) {
    BOOST_TEST(contains(unreachable.err, words), unreachable.err);
  }
  BOOST_TEST(contains(unreachable.err, folder / "svhn"), unreachable.err);
  std::ofstream(folder / "test_32x32.mat") << "x";
  std::ofstream(folder / "train_32x32.mat") << "x";
  const Outcome damaged = fake({"data", "fetch", "svhn", "--data", root, "--from", "file://" + root});
  BOOST_TEST(damaged.exit_code == 3);
  BOOST_TEST(contains(damaged.err, "expected 182040794 bytes, found 1"), damaged.err);
}

BOOST_AUTO_TEST_CASE(an_interrupted_fetch) {
  namespace asio = boost::asio;
  asio::io_context context;
  const asio::ip::tcp::acceptor silent(context, {asio::ip::address_v4::loopback(), 0});  // takes calls, says nothing
  const std::string from = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
  const Folder folder, output;
  const pid_t process =
      program::start(FAKE_DRIVER, {"data", "fetch", "usps", "--data", folder / "", "--from", from}, output);
  while (!contains(program::content(output / "err"), from)) ::usleep(10'000);
  ::kill(process, SIGINT);
  const Outcome interrupted = program::wait(process, output);
  BOOST_TEST(interrupted.exit_code == 130);
  BOOST_TEST(contains(interrupted.err, "the same command continues"), interrupted.err);
}

BOOST_AUTO_TEST_CASE(fetch_real_mnist) {
  const std::filesystem::path source = std::filesystem::path(CANOPY_TEST_DATA) / "mnist";
  if (!std::filesystem::exists(source)) {
    BOOST_TEST_MESSAGE("SKIPPED: no real mnist in " << source.parent_path());
    return;
  }
  const Folder folder;
  const std::string root = folder / "";
  const std::string from = "file://" + std::filesystem::canonical(source).string();
  const Outcome fetched = fake({"data", "fetch", "mnist", "--data", root, "--from", from, "--json"});
  BOOST_TEST(fetched.exit_code == 0);
  BOOST_TEST(Json::parse(fetched.out)[0]["state"] == "present");
  BOOST_TEST(contains(fetched.err, from + "/train-images-idx3-ubyte.gz"));
  BOOST_TEST(fake({"data", "verify", "mnist", "--data", root}).exit_code == 0);
  const Outcome again = fake({"data", "fetch", "mnist", "--data", root});  // nothing to do
  BOOST_TEST(again.exit_code == 0);
  BOOST_TEST(again.err.empty());
}

BOOST_AUTO_TEST_CASE(run_then_report) {
  const Folder folder;
  const std::string out = folder / "run";
  const Outcome run = fake({"run", "fake/*", "--out", out, "--json", "--expect", "none-fff:g_a>=90.5", "--set",
                            "pause=0", "--set", "epochs=2"});
  BOOST_TEST(run.exit_code == 0);
  BOOST_TEST(contains(run.err, "SIMD"));
  const Json rows = Json::parse(run.out);
  BOOST_TEST(rows["rows"][1]["g_a"]["mean"].get<double>() == 90.5);
  BOOST_TEST(rows["rows"][1]["g_a"]["paper"].get<double>() == 94.9);
  BOOST_TEST(rows["rows"][1]["speedup"]["mean"].get<double>() == 2.5);
  BOOST_TEST(rows["rows"][1]["collapsed"].get<int>() == 1);
  for (const char* file : {"config.toml", "environment.json", "timing.json", "cells/none-ff/1/result.json",
                           "cells/none-ff/1/metrics.csv", "cells/none-ff/1/checkpoint.safetensors"}) {
    BOOST_TEST_CONTEXT(file) { BOOST_TEST(std::filesystem::exists((folder / "run") / file)); }
  }
  const Json environment = Json::parse(program::content((folder / "run") / "environment.json"));
  for (const char* field : {"version", "commit", "cpu", "simd", "blas"}) {
    BOOST_TEST_CONTEXT(field) { BOOST_TEST(!environment[field].get<std::string>().empty()); }
  }

  const std::string page = folder / "page.html";
  const Outcome report = fake({"report", out, "--json", "--html", page});
  BOOST_TEST(report.exit_code == 0);
  BOOST_CHECK(Json::parse(report.out) == rows);
  BOOST_TEST(contains(program::content(page), "<svg"));
  BOOST_TEST(!std::filesystem::exists((folder / "run") / "report.md"));
  const Outcome text = fake({"report", out});
  BOOST_TEST(text.exit_code == 0);
  BOOST_TEST(contains(text.out, "COLLAPSED 1/2"), text.out);
  const Outcome elsewhere = fake({"report", out, "--json", "--to", folder / "written/here"});
  BOOST_CHECK(Json::parse(elsewhere.out) == rows);
  for (const char* place : {"run", "written/here"}) {
    for (const char* file : {"report.md", "report.csv", "plots/accuracy-none.svg", "plots/accuracy-seconds-none.svg"}) {
      BOOST_TEST_CONTEXT(place << "/" << file) { BOOST_TEST(std::filesystem::exists((folder / place) / file)); }
    }
  }
  BOOST_TEST(contains(program::content((folder / "run") / "report.md"), "COLLAPSED 1/2"));
  const Outcome nowhere = fake({"report", out, "--to", "/proc/nowhere"});
  BOOST_TEST(nowhere.exit_code == 1);
  BOOST_TEST(contains(nowhere.err, "/proc/nowhere"), nowhere.err);
  {
    const canopy::test::Environment no_gnuplot("PATH", "/nowhere");
    const Outcome tables = fake({"report", out, "--to", folder / "tables"});
    BOOST_TEST(tables.exit_code == 1);
    BOOST_TEST(contains(tables.err, "gnuplot-nox"), tables.err);
    BOOST_TEST(contains(tables.out, "COLLAPSED 1/2"));
    BOOST_TEST(std::filesystem::exists((folder / "tables") / "report.csv"));
  }

  const std::vector<std::string> again = {"run", "fake/count", "--out", out, "--set", "pause=0", "--set"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), again.begin(), again.end());
    return more;
  };
  refused(with({"epochs=2"}), 2, "--resume");
  refused(with({"epochs=3", "--resume"}), 2, "settings.epochs is \"2\" there and \"3\" here");
  BOOST_TEST(fake(with({"epochs=2", "--resume"})).exit_code == 0);
  const Outcome missed = fake(with({"epochs=2", "--resume", "--expect", "none-*:g_a>=91"}));
  BOOST_TEST(missed.exit_code == 4);
  BOOST_TEST(contains(missed.err, "none-ff has 90.5"));
}

BOOST_AUTO_TEST_CASE(a_failed_cell_costs_only_itself) {
  const Folder folder;
  const std::string out = folder / "run";
  const Outcome run =
      fake({"run", "fake/count", "--out", out, "--seeds", "1", "--set", "pause=0", "--set", "models=crash,ff,error"});
  BOOST_TEST(run.exit_code == 1);
  BOOST_TEST(contains(run.out, "FAILED"));
  BOOST_TEST(std::filesystem::exists((folder / "run") / "cells/none-ff/0/result.json"));
  BOOST_TEST(contains(program::content((folder / "run") / "cells/none-crash/0/error.txt"), "signal 9"));
  BOOST_TEST(program::content((folder / "run") / "cells/none-error/0/error.txt") == "this cell always fails\n");

  const std::string missing = folder / "missing";
  const Outcome data = fake({"run", "fake/count", "--out", missing, "--seeds", "2", "--set", "models=nodata"});
  BOOST_TEST(data.exit_code == 3);
  BOOST_TEST(contains(data.err, "there is no data"));
}

BOOST_AUTO_TEST_CASE(any_experiment_is_run_and_reported) {
  const Folder folder;
  const std::string out = folder / "run";
  const std::vector<std::string> arguments = {"run", "other/regression", "--out", out, "--json", "--resume"};
  auto expecting = [&](const char* promise) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--expect", promise});
    return fake(all);
  };
  const Outcome run = expecting("forest-4:rmse<=0.23");
  BOOST_TEST(run.exit_code == 0);
  const Json row = Json::parse(run.out)["rows"][1];
  BOOST_TEST(row["trees"].get<int>() == 4);
  BOOST_TEST(row["rmse"]["best"].get<double>() == 0.2);
  BOOST_TEST(row["rmse"]["paper"].get<double>() == 0.375);
  BOOST_TEST(!row.contains("dataset"));
  BOOST_TEST(!row.contains("g_a"));
  BOOST_TEST(expecting("forest-4:rmse.best<=0.2").exit_code == 0);
  BOOST_TEST(expecting("forest-4:rmse<=0.2").exit_code == 4);
  BOOST_TEST(expecting("rmsd<=1").exit_code == 2);
  BOOST_TEST(contains(expecting("mae<=1").err, "no value"));
  BOOST_TEST(program::content(folder / "run/cells/forest-4/0/result.json") ==
             "{\n  \"experiment\": \"other/regression\",\n  \"cell\": \"forest-4\",\n  \"seed\": 0,\n  \"trees\": 4,\n"
             "  \"rmse\": 0.25,\n  \"mae\": null,\n  \"rows\": 1000,\n  \"status\": \"done\"\n}\n");
  BOOST_TEST(program::content(folder / "run/cells/forest-4/0/metrics.csv").starts_with("step,rmse\n0,1.25\n50,"));

  const Outcome text = fake({"report", out, "--html", folder / "page.html"});
  BOOST_TEST(text.exit_code == 0);
  BOOST_TEST(contains(text.out, "RMSE m paper"), text.out);
  BOOST_TEST(contains(text.out, "0.225 ± 0.035 (0.200)"), text.out);
  BOOST_TEST(contains(program::content(folder / "page.html"), "seconds of training"));
  BOOST_TEST(contains(program::content(folder / "run/report.md"), "| best | 95 % interval |"));
  BOOST_TEST(program::content(folder / "run/report.csv").starts_with("cell,trees,status,"));
  BOOST_TEST(std::filesystem::exists(folder / "run/plots/error.svg"));
  BOOST_TEST(std::filesystem::exists(folder / "run/plots/error-seconds.svg"));

  const std::string bare = folder / "bare";
  BOOST_TEST(fake({"run", "other/bare", "--out", bare}).exit_code == 0);
  BOOST_TEST(fake({"report", bare, "--html", folder / "bare.html"}).exit_code == 0);
  BOOST_TEST(program::content(folder / "bare/report.csv") ==
             "cell,status,seeds_done,seeds_failed,diverged,noisy\nonly,done,1,0,0,false\n");
  BOOST_TEST(contains(program::content(folder / "bare/report.md"), "| cell | seeds | remarks |"));
  BOOST_TEST(!std::filesystem::exists(folder / "bare/timing.json"));
}

BOOST_AUTO_TEST_CASE(nobody_needs_to_read_stderr) {
  const Folder folder;
  int number = 0;
  for (const char* redirection : {"2>&-", "2>/dev/full", "2>&1 >/dev/null | true", ">/dev/null 2>&- <&-"}) {
    BOOST_TEST_CONTEXT(redirection) {
      const std::string out = folder / ("run" + std::to_string(number++));
      const auto shell = [&](const std::string& arguments) {
        // Of a pipe, the exit code of its first command.
        const std::string code = folder / "code";
        program::run("/bin/sh",
                     {"-c", "{ " FAKE_DRIVER " " + arguments + "; echo $? > " + code + "; } " + redirection});
        return program::content(code);
      };
      BOOST_TEST(shell("run fake/count --set pause=20000 --threads 2 --out " + out) == "0\n");
      BOOST_TEST(std::filesystem::exists(out + "/timing.json"));
      BOOST_TEST(shell("nosuch") == "2\n");
      BOOST_TEST(shell("run fake/count --out " + out) == "2\n");
    }
  }
  const Outcome closed = program::run("/bin/sh", {"-c", FAKE_DRIVER " list >&-"});
  BOOST_TEST(closed.exit_code == 1);
  BOOST_TEST(contains(closed.err, "standard output"), closed.err);
}

BOOST_AUTO_TEST_CASE(the_command_that_resumes_is_one_for_a_shell) {
  const Folder folder;
  const std::string out = folder / "it's $HOME \"here\"";
  for (const bool dashed : {false, true}) {
    const Folder output;
    std::vector<std::string> arguments = {
        "run", "--out=" + out + (dashed ? "-2" : ""), "--only=none-ff?", "--set", "pause=100000", "--seeds", "1"};
    if (dashed) arguments.push_back("--");
    arguments.push_back("fake/count");
    const pid_t process = program::start(FAKE_DRIVER, arguments, output);
    const auto ready = std::filesystem::path(out + (dashed ? "-2" : "")) / "cells/none-fff/0/metrics.csv";
    while (!std::filesystem::exists(ready)) ::usleep(10'000);
    ::kill(process, SIGTERM);
    const Outcome interrupted = program::wait(process, output);
    BOOST_TEST(interrupted.exit_code == 130, interrupted.err);
    const std::string words = "continue with: canopy ";
    const auto at = interrupted.err.find(words);
    BOOST_REQUIRE(at != std::string::npos);
    const Outcome resumed =
        program::run("/bin/sh", {"-c", FAKE_DRIVER " " + interrupted.err.substr(at + words.size())});
    BOOST_TEST(resumed.exit_code == 0, interrupted.err << resumed.err);
    BOOST_TEST(contains(interrupted.err, "--resume"));
    BOOST_TEST(std::filesystem::exists(ready.parent_path() / "result.json"));
  }
}

BOOST_AUTO_TEST_CASE(paths_may_begin_with_a_dash) {
  const Folder folder;
  const Outcome run =
      program::run("/bin/sh", {"-c", "cd " + folder.path().string() +
                                         " && " FAKE_DRIVER " run fake/count --set pause=0 --out=-run --data=-data"});
  BOOST_TEST(run.exit_code == 0, run.err);
  BOOST_TEST(std::filesystem::exists(folder / "-run/timing.json"));
}

BOOST_AUTO_TEST_CASE(damaged_state_is_named) {
  const Folder folder;
  const std::string out = folder / "run";
  const std::vector<std::string> run = {"run", "fake/count", "--out", out, "--resume", "--set", "pause=0"};
  BOOST_TEST(fake(run).exit_code == 0);
  const auto damage = [&](const char* file, const char* text) {
    std::filesystem::remove(folder / "run/cells/none-ff/0/result.json");
    std::ofstream((folder / "run") / file) << text;
    const Outcome outcome = fake(run);
    BOOST_TEST(outcome.exit_code == 3, outcome.err);
    BOOST_TEST(contains(outcome.err, file), outcome.err);
    BOOST_TEST(!contains(outcome.err, "json.exception"), outcome.err);
    std::filesystem::remove((folder / "run") / file);
  };
  damage("environment.json", "null");
  damage("timing.json", "[]");
  damage("cells/none-fff/0/result.json", "[1, 2");
}

BOOST_AUTO_TEST_CASE(eval) {
  const Folder folder;
  const std::string file = folder / "model.safetensors";
  std::ofstream(file) << "x";
  const Outcome hard = fake({"eval", file, "--dataset", "mnist", "--json", "--expect", "leaves_used==13"});
  BOOST_TEST(hard.exit_code == 0);
  BOOST_TEST(Json::parse(hard.out)["accuracy"].get<double>() == 86.5);
  const Outcome soft = fake({"eval", file, "--dataset", "mnist", "--json", "--soft", "--expect", "accuracy>=90"});
  BOOST_TEST(soft.exit_code == 4);
  BOOST_TEST(contains(soft.err, "has 87.5"));
  BOOST_TEST(Json::parse(soft.out)["accuracy"].get<double>() == 87.5);
  const Outcome damaged = fake({"eval", file, "--dataset", "damaged", "--json"});
  BOOST_TEST(damaged.exit_code == 3);
  BOOST_TEST(damaged.out.empty());
  BOOST_TEST(fake({"eval", file, "--dataset", "mnist", "--split", "validation"}).exit_code == 2);
}

BOOST_AUTO_TEST_CASE(bench) {
  const Outcome rows =
      fake({"bench", "sleep", "--threads", "1", "--repeats", "5", "--json", "--expect", "fast:ratio>1.5"});
  BOOST_TEST(rows.exit_code == 0);
  const Json json = Json::parse(rows.out);
  BOOST_TEST(json["benchmark"].get<std::string>() == "sleep");
  BOOST_TEST(json["threads"].get<int>() == 1);
  BOOST_TEST(json["rows"][0]["repetitions"].get<int>() == 5);
  BOOST_TEST(json["rows"][1]["ratio"].get<double>() == 1.);
  BOOST_TEST(json["environment"].contains("cpu"));

  const Folder folder;
  const std::string file = folder / "bench.json";
  const Outcome flat = fake({"bench", "flat", "--only", "slow", "--json", file});
  BOOST_TEST(flat.exit_code == 0);
  const Json object = Json::parse(program::content(file));
  BOOST_TEST(object["slow"].get<double>() > 3.9);
  BOOST_TEST(!object.contains("fast"));
  BOOST_TEST(object.contains("canopy"));
  BOOST_TEST(fake({"bench", "sleep", "--only", "medium"}).exit_code == 2);
}

BOOST_AUTO_TEST_SUITE_END()
