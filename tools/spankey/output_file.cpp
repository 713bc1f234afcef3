#include "output_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"

void require_output(const char* flag, const std::string& file) {
  namespace fs = std::filesystem;
  using spankey::fail;
  const std::string found = "found '" + spankey::printable(file) + "', ";
  const fs::path path(file), folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code code;
  if (!fs::is_directory(folder, code))
    fail("flag.119", flag, found, "expected a file in a folder that is there");
  const fs::file_status status = fs::status(path, code);
  if (fs::is_directory(status)) fail("flag.119", flag, found, "which is a folder; expected a file");
  if (status.type() == fs::file_type::none)
    fail("flag.119", flag, found, "expected a file: ", code.message());
  if (fs::exists(status) && !fs::is_regular_file(status))
    fail("flag.119", flag, found, "which is no regular file; expected a file");
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    fail("flag.119", flag, found,
         "expected a file in a folder that takes files: ", std::generic_category().message(errno));
}
