// Command lines as a user, or a user's slip, might write them, and run directories as a disk might leave them.
#pragma once

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include <canopy/experiments/experiments.hpp>

#include "datasets/files.hpp"
#include "program.hpp"

namespace program {

/// Everything that the commands work on: small images, tables, and finished runs of both drivers. It stays as it is.
class Playground {
 public:
  Playground() {
    images("images");
    images("damaged");
    canopy::test::write_plain(folder_ / "damaged/train-images", "x");
    std::string table = "a,b,class\n";
    for (int i = 0; i < 60; ++i)
      table += std::to_string(i % 7) + "," + std::to_string(i % 5) + "," + "xy"[i % 2] + "\n";
    canopy::test::write_plain(folder_ / "table.csv", table);
    canopy::test::write_plain(folder_ / "odd.csv", "a,b\n1,2,3\n");
    canopy::test::write_plain(folder_ / "notes", "no model");
    run(FAKE_DRIVER, {"run", "fake/count", "--out", (folder_ / "fake").string(), "--seeds", "1", "--set", "pause=0"});
    run(CANOPY_DRIVER,
        {"run", "fff/hardening", "--out", (folder_ / "real").string(), "--set", "depth=1", "--set", "recipe=nearest",
         "--set", "leaf_width=2", "--set", "epochs=2", "--set", "dataset=idx:" + (folder_ / "images").string()});
  }

  const Folder& folder() const { return folder_; }

 private:
  void images(const char* name) {
    fs::create_directories(folder_ / name);
    const auto write = [&](const char* file, const std::string& content) {
      canopy::test::write_plain(folder_ / name / file, content);
    };
    write("train-images", canopy::test::idx({60, 3, 2}, 37, 251));
    write("train-labels", canopy::test::idx({60}, 3, 4));
    write("test-images", canopy::test::idx({20, 3, 2}, 91, 241));
    write("test-labels", canopy::test::idx({20}, 5, 4));
  }

  Folder folder_;
};

struct RandomCommand {
  const char* driver;
  std::vector<std::string> words;
  std::string damage;  ///< of a file of the run directory, in words
};

/// Draws command number `seed` and prepares the folder `out` that it may work in.
class RandomCommands {
 public:
  RandomCommands(const Playground& playground, const fs::path& out, unsigned seed)
      : base_(playground.folder().path()), out_(out), random_(seed) {}

  RandomCommand next() {
    RandomCommand command{.driver = chance(3) ? FAKE_DRIVER : CANOPY_DRIVER, .words = {}, .damage = {}};
    fake_ = command.driver == std::string(FAKE_DRIVER);
    switch (below(12)) {
      case 0:
        command.words = any_words({{"list"},
                                   {"data", "list"},
                                   {"data"},
                                   {"text"},
                                   {"text", "tokenize", path()},
                                   {"text", "vocabulary", path(), "--size", value(), "--out", path()},
                                   {"text", "pack", path(), "--vocabulary", path(), "--out", path()},
                                   {"--version"},
                                   {"nosuch"},
                                   {""},
                                   {"run"},
                                   {"-x"}});
        break;
      case 1:
        command.words = {"data", any({"verify", "fetch"}), any({"mnist", "usps", "mnst", "svhn", ""}), "--data",
                         path()};
        if (command.words[1] == "fetch")
          add(command.words,
              {"--from", any({"file://" + base_.string(), "file:///nowhere", "http://127.0.0.1:1", "nowhere"})});
        break;
      case 2:
        command.words = {
            "eval", any({(base_ / "real/cells/images-fff-w4-l2-nearest/0/checkpoint.safetensors").string(), path()}),
            "--dataset", dataset()};
        break;
      case 3:
        command.words = {"bench",     any({"sleep", "flat", "nosuch", "fff-latency"}),
                         "--only",    any({"slow", "fff depth 4 outputs 10", "\xff"}),
                         "--repeats", any({"1", "3", "0", "x"})};
        break;
      case 4:
      case 5:
        command.damage = copy_run();
        command.words = {"report", out_.string()};
        if (chance(2))
          command.words = {"report", any({path(), out_.string()}), "--html",
                           any({(out_ / "page.html").string(), path()})};
        if (chance(3)) add(command.words, {"--to", path()});
        break;
      default:
        command.words = run_words(command.damage);
    }
    if (command.words.front() != "bench" && chance(4)) command.words.push_back("--json");
    if (chance(10)) command.words.insert(command.words.begin() + below(command.words.size() + 1), odd_word());
    return command;
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }
  std::string any(const std::vector<std::string>& choices) { return choices[below(choices.size())]; }
  std::vector<std::string> any_words(const std::vector<std::vector<std::string>>& choices) {
    return choices[below(choices.size())];
  }
  static void add(std::vector<std::string>& words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
  }

  std::string odd_word() {
    return any({"--threads", "--", "-", "--set", "--seeds=0", "--json=x", "--threads=-1", "\xff\xfe",
                std::string(300, 'a'), "--resume", "*", "--no such"});
  }
  std::string path() {
    return any({base_.string(), (base_ / "nowhere").string(), "/dev/null", "/proc/self", (base_ / "notes").string(),
                (base_ / "\xff\xfe").string(), (base_ / std::string(300, 'x')).string(),
                (base_ / "notes/below").string(), (base_ / "it's \"here\"").string(), ""});
  }
  std::string dataset() {
    return any({"idx:" + (base_ / "images").string(), "idx:" + (base_ / "damaged").string(), "idx:" + path(),
                "csv:" + (base_ / "table.csv").string(), "csv:" + (base_ / "odd.csv").string(),
                "csv:" + (base_ / "table.csv").string() + "?label=b&test=2", "npy:" + path(),
                "safetensors:" + (base_ / "notes").string(), "mnist", "mnst", "idx:", "csv:%", ""});
  }
  std::string value() {
    return any({"-1",
                "0",
                "1",
                "2",
                "8",
                "0.5",
                "-0.5",
                "nan",
                "inf",
                "-inf",
                "1e999",
                "1e300",
                "1e-320",
                "",
                ",",
                "1,2",
                "2,2,2",
                "true",
                "false",
                "auto",
                "abc",
                "\xff",
                "9223372036854775807",
                "9223372036854775808",
                "2147483648",
                "99999999999",
                "adam",
                "cosine",
                "centred",
                "relu",
                "0x10",
                " 1",
                "1 "});
  }

  /// A run of an experiment that is small, unless a random word makes it something else.
  std::vector<std::string> run_words(std::string& damage) {
    const auto& all = canopy::experiments();
    const auto& experiment = all[below(all.size())];
    std::vector<std::string> words = {
        "run", fake_ ? any({"fake/count", "other/regression", "other/bare", "fake/*", "all"}) : experiment.name};
    if (chance(12)) words[1] = any({"no/such", "*", "", "\xff"});
    if (fake_) {
      if (chance(2)) add(words, {"--set", any({"epochs=", "pause=", "models=", "rate=", "x="}) + value()});
      add(words, {"--set", "pause=0"});
    } else {
      const auto& entries = experiment.settings.entries();
      for (std::size_t i = below(4); i > 0; --i) {
        add(words, {"--set", entries[below(entries.size())].first + "=" + value()});
      }
      // The last word counts: whatever was accepted before, the grid is small.
      add(words, {"--set", "dataset=" + (chance(3) ? dataset() : "idx:" + (base_ / "images").string()), "--set",
                  "epochs=1", "--set", "recipe=" + any({"literal", "canopy", "released", "validated"})});
      for (const auto& [key, setting] : entries) {
        if (key == "width") add(words, {"--set", "width=" + any({"4", "8", "4,8", "3"})});
        if (key == "leaf_width") add(words, {"--set", "leaf_width=" + any({"1", "2"})});
        if (key == "depth") add(words, {"--set", "depth=" + any({"0", "1", "2"})});
      }
    }
    if (chance(6)) add(words, {"--only", any({"*", "*fff*", "none", "\xff", "["})});
    if (chance(6)) add(words, {"--seeds", any({"1", "2", "0", "10001", "abc"})});
    if (chance(6)) add(words, {"--preset", any({"quick", "slow", ""})});
    if (chance(5))
      add(words, {"--expect", any({"g_a>=0", "*:g_a>1000", "nothing", "x:y>=z", "g_a.best<=100", "\xff"})});
    if (chance(8)) add(words, {"--data", path()});
    add(words, {"--threads", chance(10) ? value() : "2"});
    if (chance(3)) {  // a run that is there, and damaged
      damage = copy_run();
      words = fake_ ? std::vector<std::string>{"run", "fake/count", "--seeds", any({"1", "2"}), "--set", "pause=0"}
                    : std::vector<std::string>{
                          "run",   "fff/hardening",  "--set", "depth=1",
                          "--set", "recipe=nearest", "--set", "leaf_width=2",
                          "--set", "epochs=2",       "--set", "dataset=idx:" + (base_ / "images").string()};
      words.push_back("--resume");
    }
    add(words, {"--out", chance(12) ? path() : out_.string()});
    return words;
  }

  /// A finished run in `out`, with one of its files damaged and perhaps one of its results gone; says which.
  std::string copy_run() {
    fs::copy(base_ / (fake_ ? "fake" : "real"), out_, fs::copy_options::recursive);
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(out_)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    if (chance(2)) {
      for (const fs::path& file : files) {
        if (file.filename() == "result.json") fs::remove(file);
      }
    }
    const fs::path file = files[below(files.size())];
    const std::string before = content(file);
    fs::remove(file);
    const std::string how = any({"gone", "a folder", "a circle", "half", "a byte", "text"});
    std::string text;
    if (how == "a folder") fs::create_directories(file);
    if (how == "a circle") fs::create_symlink(file.filename(), file);
    if (how == "half") text = before.substr(0, before.size() / 2);
    if (how == "a byte" && !before.empty()) {
      text = before;
      text[below(text.size())] ^= static_cast<char>(1 + below(255));
    }
    if (how == "text")
      text = any({"", "null", "[]", "3", "{}", "\"x\"", "{\"rows\": 3}", "{\"rows\": [3]}", "[1, 2", "\xff\xfe",
                  "a = 1\n", "epoch\n\n", std::string(3, '\0')});
    if (how == "half" || how == "a byte" || how == "text") canopy::test::write_plain(file, text);
    return file.lexically_relative(out_).string() + ": " + how + (how == "text" ? " '" + text + "'" : "");
  }

  fs::path base_, out_;
  std::mt19937 random_;
  bool fake_ = false;
};

/// Waits for a program for at most so long, then ends it: the exit code is then -9.
inline Outcome wait_at_most(pid_t process, const Folder& folder, std::chrono::seconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  int status = 0;
  while (::waitpid(process, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) {
      ::kill(process, SIGKILL);
      return wait(process, folder);
    }
    ::usleep(2'000);
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), content(folder / "out"),
          content(folder / "err")};
}

}  // namespace program
