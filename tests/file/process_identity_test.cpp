// Whether a process has ended, asked of children of this one. Costs 2 s to compile.
#include "spankey/file/process_identity.hpp"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <chrono>
#include <functional>
#include <thread>

using namespace spankey;

namespace {

// A child that does `work` and ends; who it is, before the parent asks how it ended.
struct child {
  pid_t pid;
  process_identity identity = own_identity();

  explicit child(const std::function<void()>& work) : pid(::fork()) {
    if (pid == 0) {
      work();
      ::_exit(0);
    }
    identity.pid = pid;
    identity.start = start_of_process(pid);
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  [[nodiscard]] char state() const {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text[text.rfind(')') + 2];
  }
  void wait_for_zombie() const {
    for (int i = 0; i < 1000 && state() != 'Z'; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    REQUIRE(state() == 'Z');
  }
};

void sleep_long() { std::this_thread::sleep_for(std::chrono::minutes(5)); }

}  // namespace

TEST_CASE("a process that works has not ended; one that was killed has, though its parent has not asked") {
  CHECK(!has_ended(own_identity()));
  const child worker(&sleep_long);
  REQUIRE(worker.identity.start != 0);
  CHECK(!has_ended(worker.identity));
  REQUIRE(::kill(worker.pid, SIGKILL) == 0);
  worker.wait_for_zombie();
  CHECK(has_ended(worker.identity));
}

TEST_CASE("a process whose first thread has ended holds its files while others run: it has not ended") {
  const child worker([] {
    std::thread(&sleep_long).detach();
    ::syscall(SYS_exit, 0);  // this thread alone, and without unwinding what the parent has on its stack
  });
  worker.wait_for_zombie();
  CHECK(!has_ended(worker.identity));
  REQUIRE(::kill(worker.pid, SIGKILL) == 0);
  for (int i = 0; i < 1000 && !has_ended(worker.identity); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(has_ended(worker.identity));
}

TEST_CASE("a number that was given again, and processes of other machines") {
  process_identity other = own_identity();
  ++other.start;
  CHECK(has_ended(other));
  other.machine = "elsewhere";
  CHECK(!has_ended(other));
}
