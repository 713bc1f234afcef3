#include "spankey/file/append_file.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "faulty_calls.hpp"
#include "scratch_directory.hpp"

using namespace spankey;
using spankey_test::call;
using spankey_test::content_of;
using spankey_test::faulty_calls;
using spankey_test::id_of;
using spankey_test::put;
using spankey_test::scratch_directory;

TEST_CASE("append: lines are there at once; a mark says where the file is") {
  const scratch_directory directory;
  append_file log(directory / "log");
  CHECK(log.flush().bytes == 0);
  log.append("one\n");
  CHECK(content_of(directory / "log") == "one\n");
  const file_mark mark = log.flush();
  CHECK(mark.bytes == 4);
  CHECK(mark.checksum == crc32("one\n"));
  log.append("two\n");
  CHECK(log.flush().checksum == crc32("one\ntwo\n"));
  CHECK(id_of([&] { append_file again(directory / "log"); }) == "log.101");  // never over another one
}

TEST_CASE("append: cut back to a mark, whatever came after it") {
  const scratch_directory directory;
  file_mark mark;
  {
    append_file log(directory / "log");
    log.append("one\n");
    mark = log.flush();
    log.append("two\nthr");  // a torn line
  }
  {
    append_file log(directory / "log", mark);
    CHECK(content_of(directory / "log") == "one\n");
    log.append("three\n");
    CHECK(log.flush().bytes == 10);
    CHECK(log.flush().checksum == crc32("one\nthree\n"));
  }
  CHECK(content_of(directory / "log") == "one\nthree\n");
  append_file(directory / "log", file_mark{}).append("new\n");
  CHECK(content_of(directory / "log") == "new\n");
}

TEST_CASE("append: a file that lost something, or was changed, is refused and left alone") {
  const scratch_directory directory;
  const std::string text(70000, 'x');
  const file_mark mark{text.size(), crc32(text)};
  const auto open = [&] { return id_of([&] { append_file log(directory / "log", mark); }); };
  CHECK(open() == "io.101");
  put(directory / "log", text);
  CHECK(open() == "no error");
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, text.size() - 1}) {
    put(directory / "log", text.substr(0, length));
    CHECK(open() == "log.103");
    CHECK(content_of(directory / "log").size() == length);
  }
  for (const std::size_t at : {std::size_t{0}, std::size_t{65535}, text.size() - 1}) {
    std::string changed = text + "more";
    changed[at] = 'y';
    put(directory / "log", changed);
    CHECK(open() == "log.103");
    CHECK(content_of(directory / "log") == changed);
  }
}

TEST_CASE("append: whichever call fails, what was flushed is still there and can be gone on from") {
  const scratch_directory directory;
  faulty_calls::part = 3;
  for (const int code : {ENOSPC, EIO, 0}) {
    bool failed = true;
    for (int n = 1; failed; ++n) {
      CAPTURE(code);
      CAPTURE(n);
      std::filesystem::remove(directory / "log");
      file_mark flushed;
      faulty_calls::expect(call::any, n, code);
      const auto work = [&] {
        {
          basic_append_file<faulty_calls> log(directory / "log");
          for (int i = 0; i < 3; ++i) {
            log.append("line " + std::to_string(i) + "\n");
            flushed = log.flush();
          }
        }
        basic_append_file<faulty_calls> log(directory / "log", flushed);
        log.append("line 3\n");
        flushed = log.flush();
      };
      try {
        failed = id_of(work) != "no error";
      } catch (const spankey_test::power_cut&) {
        failed = true;
      }
      if (faulty_calls::calls < n) failed = false;  // a close in a destructor: nobody is left to tell
      CHECK(faulty_calls::open_files == 0);
      faulty_calls::expect(call::any, 0, 0);
      if (flushed.bytes == 0) continue;
      basic_append_file<faulty_calls> log(directory / "log", flushed);
      const std::string whole = "line 0\nline 1\nline 2\nline 3\n";
      CHECK(content_of(directory / "log") == whole.substr(0, flushed.bytes));
    }
  }
  faulty_calls::part = 4096;
}
