#include <canopy/experiments/harness/grid.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string_view>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/child_process.hpp>
#include <canopy/experiments/harness/json.hpp>

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

namespace canopy::harness {
namespace {

namespace fs = std::filesystem;

struct Worker {
  const Job* job;
  ChildProcess process;
};

fs::path log_file(const Job& job) { return job.folder / "log.txt"; }

/// What an earlier attempt left half done.
void clean(const Job& job) {
  make_folder(job.folder);
  remove_file(job.folder / "error.txt");
  for (const fs::path& file : folder_content(job.folder)) {
    if (file.filename().string().starts_with(".canopy-")) remove_file(file);
  }
}

/// The last line of the log, where errors speak; empty if there is none.
std::string last_words(const Job& job) {
  std::ifstream stream(log_file(job));
  std::string last;
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty()) last = line;
  }
  constexpr std::string_view prefix = "canopy: ";
  return last.starts_with(prefix) ? last.substr(prefix.size()) : last;
}

Failure failure(const Job& job, int status) {
  const std::string words = last_words(job);
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return {job.name,
            fmt::format("ended by signal {} ({}){}{}", signal, strsignal(signal), words.empty() ? "" : ": ", words), 1};
  }
  const int code = WEXITSTATUS(status);
  return {job.name, words.empty() ? fmt::format("ended with exit code {}", code) : words, code};
}

void show(const Job& job, const std::string& line, Progress& progress) {
  const Json json = Json::parse(line, nullptr, false);
  const auto is = [&](const char* field, bool (Json::*kind)() const noexcept) {
    return json.is_object() && json.contains(field) && (json[field].*kind)();
  };
  if (is("doing", &Json::is_string)) return progress.describe(job.name, json["doing"].get<std::string>());
  // Anything else is a library's own words on stdout.
  if (!is("before", &Json::is_number) || !is("done", &Json::is_number) || !is("reached", &Json::is_string)) return;
  progress.advance(job.name, json["before"].get<double>(), json["done"].get<double>(),
                   json["reached"].get<std::string>());
}

/// Waits until a worker has something to say, a signal came, or a second has passed.
std::vector<pollfd> wait_for(const std::vector<Worker>& workers, const StopSignals& signals) {
  std::vector<pollfd> descriptors;
  for (const Worker& worker : workers) descriptors.push_back({worker.process.output(), POLLIN, 0});
  const timespec second = {1, 0};
  if (::ppoll(descriptors.data(), descriptors.size(), &second, &signals.mask_while_waiting()) < 0) {
    if (errno != EINTR) throw Error(fmt::format("ppoll: {}", std::strerror(errno)));
    for (pollfd& descriptor : descriptors) descriptor.revents = 0;
  }
  return descriptors;
}

}  // namespace

GridOutcome run_grid(const std::vector<Job>& jobs, std::size_t side_by_side, StopSignals& signals, Progress& progress) {
  GridOutcome outcome;
  int signals_sent = 0;
  std::vector<Worker> workers;
  auto next = jobs.begin();

  const auto end_of = [&](Worker& worker) {
    const Job& job = *worker.job;
    const int status = worker.process.wait();
    if (status == 0) {
      progress.finish(job.name, "done");
    } else if (outcome.interrupted) {
      // Its state is saved, or it is taken up from the last checkpoint.
    } else {
      outcome.failures.push_back(failure(job, status));
      write_file(job.folder / "error.txt", outcome.failures.back().message + "\n");
      progress.finish(job.name, "failed: " + outcome.failures.back().message);
    }
    std::error_code unknown;  // then the log stays
    if (fs::file_size(log_file(job), unknown) == 0 && !unknown) fs::remove(log_file(job), unknown);
  };

  while (!workers.empty() || (next != jobs.end() && !outcome.interrupted)) {
    while (workers.size() < side_by_side && next != jobs.end() && !outcome.interrupted) {
      clean(*next);
      workers.push_back({&*next, ChildProcess(next->arguments, log_file(*next), signals.mask_while_waiting())});
      progress.start(next->name, next->work);
      ++next;
    }
    const std::vector<pollfd> ready = wait_for(workers, signals);
    if (signals.count() > signals_sent) {
      signals_sent = signals.count();
      if (!outcome.interrupted) progress.say("interrupted: the running cells save their state");
      outcome.interrupted = true;
      for (const Worker& worker : workers) worker.process.send(signals_sent == 1 ? SIGTERM : SIGKILL);
    }
    std::vector<Worker> remaining;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      if (ready[i].revents != 0) {
        const auto lines = workers[i].process.read_lines();
        if (!lines) {
          end_of(workers[i]);
          continue;
        }
        for (const std::string& line : *lines) show(*workers[i].job, line, progress);
      }
      remaining.push_back(std::move(workers[i]));
    }
    workers = std::move(remaining);
    progress.refresh();
  }
  return outcome;
}

}  // namespace canopy::harness
