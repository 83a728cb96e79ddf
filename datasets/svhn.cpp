#include <canopy/datasets/svhn.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <canopy/core/failures.hpp>
#include <canopy/datasets/mat_sums.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <matio.h>

namespace canopy::datasets {
namespace {

constexpr std::int64_t side = 32;
constexpr std::int64_t channels = 3;
constexpr std::int64_t classes = 10;

/// What matio complained about since it was last asked; it reports by a callback without a context.
thread_local std::string complaint;

void note_complaint(int, char* message) { complaint = message; }

class MatFile {
 public:
  explicit MatFile(const std::filesystem::path& path) : path_(path.string()) {
    // matio says of a missing file and of a folder only that it is not a MAT file.
    content_ = check_mat_sums(path);
    Mat_LogInitFunc("canopy", note_complaint);
    complaint.clear();
    file_.reset(Mat_Open(path_.c_str(), MAT_ACC_RDONLY));
    if (!file_) throw DataError(fmt::format("{}: expected a MATLAB file, found another or a damaged one", path_));
  }

  class Variable {
   public:
    Variable(std::string file, const char* name, matvar_t* variable)
        : file_(std::move(file)), name_(name), variable_(variable, Mat_VarFree) {
      if (!variable_ || !variable_->data) {
        throw DataError(fmt::format("{}: expected the variable {}, found {}", file_, name_,
                                    complaint.empty() ? "none" : fmt::format("a damaged file ({})", complaint)));
      }
    }

    std::vector<std::size_t> extents() const { return {variable_->dims, variable_->dims + variable_->rank}; }
    /// Bytes, the first axis running fastest.
    std::span<const std::uint8_t> bytes() const {
      std::size_t count = 1;
      for (const std::size_t extent : extents()) count *= extent;
      if (variable_->class_type != MAT_C_UINT8 || variable_->isComplex || variable_->nbytes != count) {
        fail(fmt::format("{} bytes (uint8)", count),
             fmt::format("class {} in {} bytes", static_cast<int>(variable_->class_type), variable_->nbytes));
      }
      return {static_cast<const std::uint8_t*>(variable_->data), count};
    }
    [[noreturn]] void fail(const std::string& expected, const std::string& found) const {
      throw DataError(fmt::format("{}: variable {}: expected {}, found {}", file_, name_, expected, found));
    }

   private:
    std::string file_;
    const char* name_;
    std::unique_ptr<matvar_t, void (*)(matvar_t*)> variable_;
  };

  Variable read(const char* name) {
    complaint.clear();
    check_size(name);
    Mat_Rewind(file_.get());
    return Variable(path_, name, Mat_VarRead(file_.get(), name));
  }

 private:
  struct Close {
    void operator()(mat_t* file) const { Mat_Close(file); }
  };

  /// matio takes memory for whatever the extents say.
  void check_size(const char* name) {
    Mat_Rewind(file_.get());
    const std::unique_ptr<matvar_t, void (*)(matvar_t*)> header(Mat_VarReadInfo(file_.get(), name), Mat_VarFree);
    if (!header) return;  // reading says what is wrong
    std::uint64_t bytes = 1;
    for (int axis = 0; axis < header->rank; ++axis) {
      const std::uint64_t extent = header->dims[axis];
      if (__builtin_mul_overflow(bytes, extent, &bytes) || bytes > content_) {
        throw DataError(fmt::format("{}: variable {}: expected at most the {} bytes that the file holds, found more",
                                    path_, name, content_));
      }
    }
  }

  std::string path_;
  std::uint64_t content_ = 0;  // bytes of all variables
  std::unique_ptr<mat_t, Close> file_;
};

/// X(row, column, channel, image), rows running fastest -> [images, channels * rows * columns], columns running
/// fastest.
Bytes rows_of_images(const MatFile::Variable& pictures) {
  const std::vector<std::size_t> extents = pictures.extents();
  if (extents.size() != 4 || extents[0] != side || extents[1] != side || extents[2] != channels || extents[3] == 0) {
    pictures.fail("32 x 32 x 3 x images", fmt::format("{}", fmt::join(extents, " x ")));
  }
  const std::span<const std::uint8_t> bytes = pictures.bytes();
  const auto planes = static_cast<std::int64_t>(extents[3]) * channels;
  Bytes images({static_cast<std::int64_t>(extents[3]), channels * side * side});
  const std::uint8_t* in = bytes.data();
  std::uint8_t* out = images.mutable_data();
  for (std::int64_t plane = 0; plane < planes; ++plane, in += side * side, out += side * side) {
    for (std::int64_t row = 0; row < side; ++row) {
      for (std::int64_t column = 0; column < side; ++column) out[row * side + column] = in[column * side + row];
    }
  }
  return images;
}

Indices digits(const MatFile::Variable& labels, std::int64_t images) {
  const std::span<const std::uint8_t> bytes = labels.bytes();
  if (static_cast<std::int64_t>(bytes.size()) != images) {
    labels.fail(fmt::format("a label for each of the {} images", images), fmt::format("{} labels", bytes.size()));
  }
  Indices out({images});
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] < 1 || bytes[i] > classes) {
      labels.fail("labels from 1 to 10", fmt::format("{} at position {}", bytes[i], i));
    }
    out.mutable_data()[i] = static_cast<std::int32_t>(bytes[i] % classes);
  }
  return out;
}

}  // namespace

LabelledImages read_svhn(const std::filesystem::path& path) {
  return failing_as<DataError>(path, [&] {
    MatFile file(path);
    LabelledImages images;
    images.name = "svhn";
    images.shape = {.height = side, .width = side, .channels = channels};
    images.bytes = rows_of_images(file.read("X"));
    images.labels = digits(file.read("y"), images.bytes.extent(0));
    images.classes = classes;
    return images;
  });
}

}  // namespace canopy::datasets
