#include <canopy/core/file_lock.hpp>

#include <cerrno>
#include <cstring>

#include <canopy/core/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace canopy {

FileLock::FileLock(const std::filesystem::path& path)
    : descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) throw Error(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
  if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int reason = errno;
  close(descriptor_);
  if (reason == EWOULDBLOCK)
    throw ConfigError(fmt::format("{}: another process works on it; wait for it", path.string()));
  throw Error(fmt::format("cannot lock {}: {}", path.string(), std::strerror(reason)));
}

FileLock::~FileLock() { close(descriptor_); }

}  // namespace canopy
