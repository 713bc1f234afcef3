#include "spankey/file/lease.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "scratch_directory.hpp"

using namespace spankey;
using spankey_test::id_of;
using spankey_test::message_of;
using spankey_test::scratch_directory;
namespace fs = std::filesystem;

namespace {
constexpr auto nobody = [] {};

std::size_t files_in(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}
void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// Runs f in a process of its own, which then ends without giving anything back.
template <class F>
void in_killed_process(const F& f) {
  const pid_t child = ::fork();
  if (child == 0) {
    f();
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
}
constexpr const char* elsewhere = "1-2-3-4 0.2 other-machine:pid:[1] 7 7\n";
}  // namespace

TEST_CASE("create_file_once: the first one wins, and nothing else is left") {
  const scratch_directory directory;
  const std::string path = directory.path() + "/new/file";
  CHECK(create_file_once(path, "first"));
  CHECK_FALSE(create_file_once(path, "second"));
  std::string text;
  std::ifstream(path) >> text;
  CHECK(text == "first");
  CHECK(files_in(directory.path() + "/new") == 1);
  CHECK(id_of([&] { (void)create_file_once(path + "/below", "text"); }) == "io.131");
  CHECK(id_of([&] { (void)create_file_once(directory.path() + "/a/b/c", "text"); }) == "io.131");
}

TEST_CASE("lease: one process has it, and gives it back") {
  const scratch_directory directory;
  const std::string path = directory.path() + "/cell";
  lease_watch mine, other;
  {
    const auto first = lease::take(path, 60, mine, nobody);
    REQUIRE(first);
    CHECK_FALSE(lease::take(path, 60, other, nobody));
    CHECK_FALSE(lease::take(path, 60, mine, nobody));
  }
  CHECK(files_in(directory.path()) == 0);
  CHECK(lease::take(path, 60, other, nobody));
  CHECK(files_in(directory.path()) == 0);
}

TEST_CASE("lease: that of a process of this machine that has ended is taken over at once") {
  const scratch_directory directory;
  const std::string path = directory.path() + "/cell";
  lease_watch watch;
  for (int death = 0; death < 3; ++death)
    in_killed_process([&] {
      lease_watch own;
      static auto kept = lease::take(path, 3600, own, nobody);
      if (!kept) ::_exit(1);
    });
  CHECK(files_in(directory.path()) == 3);  // a chain
  {
    const auto after = lease::take(path, 60, watch, nobody);
    REQUIRE(after);
    CHECK_FALSE(lease::take(path, 60, watch, nobody));
  }
  CHECK(files_in(directory.path()) == 0);
}

TEST_CASE("lease: that of another machine is taken over once its time did not change for long") {
  const scratch_directory directory;
  const std::string path = directory.path() + "/cell";
  write(path, elsewhere);
  lease_watch watch;
  CHECK_FALSE(lease::take(path, 60, watch, nobody));  // seen for the first time
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // its holder is alive
  CHECK_FALSE(lease::take(path, 60, watch, nobody));
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  CHECK_FALSE(lease::take(path, 60, watch, nobody));
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  {
    const auto taken = lease::take(path, 60, watch, nobody);
    REQUIRE(taken);
    CHECK(fs::exists(path + ".1-2-3-4"));
    lease_watch third;
    CHECK_FALSE(lease::take(path, 60, third, nobody));
  }
  CHECK(files_in(directory.path()) == 0);
}

TEST_CASE("lease: who was taken for dead is told, and gives nothing back") {
  const scratch_directory directory;
  const std::string path = directory.path() + "/cell";
  lease_watch watch;
  std::atomic<int> told{0};
  {
    const auto mine = lease::take(path, 0.1, watch, [&] { ++told; });
    REQUIRE(mine);
    std::string token;
    std::ifstream(path) >> token;
    write(path + "." + token, elsewhere);
    for (int i = 0; i < 100 && told == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(told == 1);
  }
  CHECK(files_in(directory.path()) == 2);  // what is another process's now
}

TEST_CASE("lease: a holder renews it") {
  const scratch_directory directory;
  const std::string path = directory.path() + "/cell";
  lease_watch watch;
  const auto mine = lease::take(path, 0.1, watch, nobody);
  REQUIRE(mine);
  const auto before = fs::last_write_time(path);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(fs::last_write_time(path) > before);
}

TEST_CASE("lease: a successor whose chain was given back meanwhile has nothing") {
  const scratch_directory directory;
  const std::string path = directory.path() + "/cell";
  write(path, elsewhere);
  lease_watch slow;
  CHECK_FALSE(lease::take(path, 60, slow, nobody));
  // What is left of a chain without its begin binds nobody.
  fs::rename(path, path + ".9-9-9-9");
  lease_watch watch;
  const auto mine = lease::take(path, 60, watch, nobody);
  REQUIRE(mine);
  CHECK_FALSE(lease::take(path, 60, slow, nobody));
}

TEST_CASE("lease: many processes, killed at any moment, never hold it together") {
  const scratch_directory directory;
  const std::string path = directory.path() + "/cell", inside = directory.path() + "/inside";
  std::vector<pid_t> children;
  for (unsigned child = 0; child < 6; ++child) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    lease_watch watch;
    int done = 0;
    while (done < 25) {
      const auto mine = lease::take(path, 60, watch, nobody);
      if (!mine) continue;
      // A folder is made by one only; that of a process that was killed in here is known by its number.
      const std::string own = inside + std::to_string(::getpid());
      fs::create_directory(own);
      for (const auto& entry : fs::directory_iterator(directory.path())) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with("inside")) continue;
        const auto pid = static_cast<pid_t>(std::stol(name.substr(6)));
        if (pid != ::getpid() && !has_ended({watch.own().machine, pid, start_of_process(pid)})) ::_exit(3);
        if (pid != ::getpid()) fs::remove(entry.path());
      }
      ++done;
      if (done == 5 + static_cast<int>(child) && child < 2) ::raise(SIGKILL);
      fs::remove(own);
    }
    ::_exit(0);
  }
  int killed = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK((!WIFSIGNALED(status) || WTERMSIG(status) == SIGKILL));
    killed += WIFSIGNALED(status) ? 1 : 0;
  }
  CHECK(killed == 2);
}

TEST_CASE("lease: another file of that name is none") {
  const scratch_directory directory;
  const std::string path = directory.path() + "/cell";
  write(path, "mine\n");
  lease_watch watch;
  CHECK(message_of([&] { (void)lease::take(path, 60, watch, nobody); }) ==
        "[spankey.io.132] " + path +
            ": expected the lease of a process (file/lease.hpp), found something else");
  // One that names a place outside, and one that succeeds itself.
  write(path, "../../up 60 machine 1 1\n");
  CHECK(id_of([&] { (void)lease::take(path, 60, watch, nobody); }) == "io.132");
  write(path, "1-1 60 machine 1 1\n");
  write(path + ".1-1", "1-1 60 machine 1 1\n");
  CHECK(id_of([&] { (void)lease::take(path, 60, watch, nobody); }) == "io.132");
}
