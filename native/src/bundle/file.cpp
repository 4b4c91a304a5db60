#include "bundle/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <new>
#include <system_error>

#include "base/errors.h"
#include "base/utf8.h"

namespace ecg2lab {
namespace {

constexpr std::align_val_t kAlignment{64};

std::filesystem::path to_path(const std::string& text) {
  if (text.find('\0') != std::string::npos) throw Error(ErrorKind::bundle, "the path of the bundle holds a zero byte");
#ifdef _WIN32
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(std::string_view(text).substr(at));
    if (length == 0) throw Error(ErrorKind::bundle, "the path of the bundle is not UTF-8");
    at += length;
  }
  return std::filesystem::path(std::u8string(text.begin(), text.end()));
#else
  return text;
#endif
}

// A device or a pipe would be read without end.
std::size_t regular_size(const std::filesystem::path& path, const std::string& shown) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    if (status.type() == std::filesystem::file_type::not_found) {
      throw Error(ErrorKind::bundle, "there is no bundle at " + shown);
    }
    throw Error(ErrorKind::bundle, "cannot read bundle " + shown + ": " + error.message());
  }
  if (std::filesystem::is_directory(status)) {
    throw Error(ErrorKind::bundle, "cannot read bundle " + shown + ": it is a folder");
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw Error(ErrorKind::bundle, "cannot read bundle " + shown + ": it is no regular file");
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw Error(ErrorKind::bundle, "cannot read bundle " + shown + ": " + error.message());
  if (size > kLargestBundle) throw Error(ErrorKind::bundle, shown + " is larger than any bundle");
  return static_cast<std::size_t>(size);
}

}  // namespace

AlignedBytes::AlignedBytes(std::size_t size)
    : size_(size), bytes_(static_cast<std::byte*>(::operator new(std::max<std::size_t>(size, 1), kAlignment))) {}

AlignedBytes::AlignedBytes(std::span<const std::byte> content) : AlignedBytes(content.size()) {
  std::copy(content.begin(), content.end(), data());
}

void AlignedBytes::Release::operator()(std::byte* bytes) const { ::operator delete(bytes, kAlignment); }

AlignedBytes read_file(const std::string& path) {
  const std::filesystem::path native = to_path(path);
  AlignedBytes content(regular_size(native, path));
  errno = 0;
  std::ifstream file(native, std::ios::binary);
  const auto size = static_cast<std::streamsize>(content.view().size());
  if (!file.read(reinterpret_cast<char*>(content.data()), size) || file.gcount() != size) {
    const std::string reason = errno == 0 ? "" : ": " + std::generic_category().message(errno);
    throw Error(ErrorKind::bundle, "cannot read bundle " + path + reason);
  }
  return content;
}

}  // namespace ecg2lab
