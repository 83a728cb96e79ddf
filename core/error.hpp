// Typed errors that speak: the text names the operation or file, what was expected, what was found and what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace canopy {

/// Base of every error that canopy throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes that do not fit an operation; the text names the operation and every shape involved.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A data file that is missing, truncated or damaged; the text names the file and, where known, the offset.
class DataError : public Error {
 public:
  using Error::Error;
};

/// An option or setting that makes no sense; the text names the option and what it accepts.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// A checkpoint that cannot be read, written or loaded into a model.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// Misuse of the tape: nested tapes, a second backward, a value overwritten between forward and backward.
class TapeError : public Error {
 public:
  using Error::Error;
};

}  // namespace canopy
