#include <canopy/experiments/harness/run_directory.hpp>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include <canopy/core/environment.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/threads.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <unistd.h>
#include <canopy_commit.hpp>

namespace canopy::harness {

namespace fs = std::filesystem;

bool is_there(const fs::path& file) {
  return failing_as<DataError>(file, [&] { return file_exists(file); });
}

std::optional<Result> read_result(const fs::path& cell_folder, const Labels& labels) {
  const fs::path file = cell_folder / "result.json";
  if (!is_there(file)) return std::nullopt;
  return result_from_json(read_json(file), labels, file.string());
}

std::optional<std::string> read_failure(const fs::path& cell_folder) {
  const fs::path file = cell_folder / "error.txt";
  if (!is_there(file)) return std::nullopt;
  const std::string text = failing_as<DataError>(file, [&] { return read_file(file); });
  return text.substr(0, text.find('\n'));
}

RunLock::RunLock(const RunDirectory& directory) {
  make_folder(directory.root);
  const fs::path file = directory.root / ".lock";
  const int opened = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (opened < 0) throw ConfigError(fmt::format("{}: cannot be written: {}", file.string(), std::strerror(errno)));
  // Workers inherit the lock, so a run that was killed holds it until its last worker is gone: a moment, waited for
  // here.
  for (int attempt = 0; ::flock(opened, LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (attempt == 20) {
      char owner[32] = {};
      const bool known = ::read(opened, owner, sizeof owner - 1) > 0;
      ::close(opened);
      throw ConfigError(fmt::format("{}: another run is writing here (process {}); wait for it or choose another --out",
                                    directory.root.string(), known ? owner : "unknown"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const std::string owner = std::to_string(::getpid());
  if (::ftruncate(opened, 0) != 0 || ::pwrite(opened, owner.data(), owner.size(), 0) < 0) {
    ::close(opened);
    throw ConfigError(fmt::format("{}: cannot be written: {}", file.string(), std::strerror(errno)));
  }
  descriptor_ = ::fcntl(opened, F_DUPFD, 10);  // without close-on-exec, and out of the way of the standard streams
  ::close(opened);
}

RunLock::~RunLock() { ::close(descriptor_); }

void check_claim(const RunDirectory& directory, const Configuration& configuration, bool resume) {
  const fs::path file = directory.configuration();
  if (!is_there(file)) {
    if (!is_there(directory.root)) return;
    std::error_code unknown;
    if (!fs::is_directory(directory.root, unknown)) {
      throw ConfigError(fmt::format("{}: is not a folder; choose another --out", directory.root.string()));
    }
    // A run that ended before its first file was complete leaves no more than the lock and a temporary.
    const auto content = failing_as<DataError>(directory.root, [&] { return folder_content(directory.root); });
    for (const fs::path& entry : content) {
      const std::string name = entry.filename();
      if (name == ".lock" || name.starts_with(".canopy-")) continue;
      throw ConfigError(fmt::format("{}: holds \"{}\" but no config.toml, so it is not a run; choose another --out",
                                    directory.root.string(), name));
    }
    return;
  }
  const std::vector<std::string> found = differences(file, configuration);
  if (!found.empty()) {
    throw ConfigError(fmt::format("{}: holds another configuration: {}; choose another --out", directory.root.string(),
                                  fmt::join(found, "; ")));
  }
  if (!resume) {
    throw ConfigError(
        fmt::format("{}: holds this configuration already; finish what is missing with --resume, or "
                    "choose another --out",
                    directory.root.string()));
  }
}

Json environment_json() {
  const Environment& here = environment();
  return {{"version", here.version}, {"commit", CANOPY_COMMIT}, {"compiler", here.compiler}, {"cpu", here.cpu},
          {"cores", here.cores},     {"simd", here.simd},       {"blas", here.blas},         {"threads", threads()}};
}

void write_environment(const RunDirectory& directory) {
  Json environment = environment_json();
  if (is_there(directory.environment())) {
    Json before = read_json(directory.environment());
    Json earlier = array_of_objects(before, "earlier", directory.environment().string()).value_or(Json::array());
    before.erase("earlier");
    if (before != environment) earlier.push_back(before);
    if (!earlier.empty()) environment["earlier"] = earlier;
  }
  write_file(directory.environment(), to_text(environment, 2) + "\n");
}

}  // namespace canopy::harness
