// A child process of this same binary whose standard output is read and whose errors go to a file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/types.h>

namespace canopy::harness {

class ChildProcess {
 public:
  /// Starts /proc/self/exe, which is the binary that runs even if the file was built anew since. `signal_mask` is the
  /// child's. Throws Error.
  ChildProcess(const std::vector<std::string>& arguments, const std::filesystem::path& log,
               const sigset_t& signal_mask);
  /// Kills the child if it still runs.
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  /// Readable when the child has written or ended.
  int output() const { return output_; }
  /// Complete lines that can be read without waiting; none at the end of the output.
  std::optional<std::vector<std::string>> read_lines();
  void send(int signal) const;
  /// Waits for the end; the status is as waitpid gives it.
  int wait();

 private:
  pid_t process_ = -1;
  int output_ = -1;
  std::string buffer_;
};

}  // namespace canopy::harness
