#include "spankey/checkpoint/checkpoint_series.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/faulty_calls.hpp"
#include "file/scratch_directory.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/mlp.hpp"

using namespace spankey;
using spankey_test::call;
using spankey_test::content_of;
using spankey_test::faulty_calls;
using spankey_test::id_of;
using spankey_test::message_of;
using spankey_test::power_cut;
using spankey_test::put;
using spankey_test::scratch_directory;

namespace {

// A model all of whose numbers are one.
struct numbered_state {
  mlp<5, ungated, backend::reference, float> model;
  const arena memory{model, 1};
  explicit numbered_state(std::uint64_t number = 0) { set(number); }
  void set(std::uint64_t number) {
    model.for_each_parameter([&](const scope&, auto& p) {
      for (auto* part : {&p.value, &p.momentum})
        std::fill_n(part->data, part->count, static_cast<float>(number));
    });
  }
  [[nodiscard]] std::uint64_t number() {
    std::set<float> found;
    model.for_each_parameter([&](const scope&, auto& p) {
      for (auto* part : {&p.value, &p.momentum}) found.insert(part->data, part->data + part->count);
    });
    REQUIRE(found.size() == 1);
    return static_cast<std::uint64_t>(*found.begin());
  }
};

training_state after(std::uint64_t steps) { return {{.steps = steps, .updates = steps}, {{"who", "test"}}}; }
const auto anything = [](const training_state&) {};

// Saves the state after `steps`, all of whose numbers are `steps`.
template <class Series>
void save(Series& series, std::uint64_t steps, std::optional<double> score = std::nullopt) {
  numbered_state source(steps);
  series.save(source.model, after(steps), score);
}

std::string damaged_in(const scratch_directory& directory, numbered_state& target, std::uint64_t expected) {
  checkpoint_series series(directory.path());
  const auto found = series.load(target.model, anything);
  REQUIRE(found);
  CHECK(found->state.at.steps == expected);
  CHECK(target.number() == expected);
  std::string all;
  for (const std::string& line : found->damaged) all += line + "\n";
  return all;
}

using list = std::vector<std::uint64_t>;

void flip(const std::string& file, std::size_t bit) {
  std::string text = content_of(file);
  text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
  put(file, text);
}

}  // namespace

TEST_CASE("series: the last two are kept, and the best one") {
  const scratch_directory directory;
  checkpoint_series series(directory.path());
  const auto now = [&] { return checkpoints_in(directory.path()); };
  CHECK(now().empty());
  save(series, 1);
  CHECK(now() == list{1});
  save(series, 2, 0.5);
  save(series, 3);
  CHECK(now() == list{3, 2});
  save(series, 4, 0.7);
  CHECK(now() == list{4, 3, 2});
  save(series, 5, 0.5);
  CHECK(now() == list{5, 4, 2});
  CHECK(series.best_steps() == 2);
  save(series, 6, 0.4);
  CHECK(now() == list{6, 5});
  save(series, 6, 0.4);  // once more
  CHECK(now() == list{6, 5});
  save(series, 7, std::nan(""));
  save(series, 8);
  CHECK(now() == list{8, 7, 6});
  series.clear();
  CHECK(now().empty());
}

TEST_CASE("series: an epoch without a number for a loss is no best one") {
  const scratch_directory directory;
  checkpoint_series series(directory.path());
  save(series, 1, std::nan(""));
  CHECK_FALSE(series.best_steps());
  save(series, 2, 0.5);
  CHECK(series.best_steps() == 2);
}

TEST_CASE("series: a loaded one goes on as the one that wrote it") {
  const scratch_directory directory;
  {
    checkpoint_series series(directory.path());
    save(series, 10, 0.25);
    save(series, 20, 0.5);
    save(series, 30);
  }
  put(directory / "checkpoint-x.safetensors", "not mine");
  put(directory / "checkpoint-40.safetensors.txt", "not mine");
  put(directory / ".spankey-1-0.tmp", "half");
  checkpoint_series series(directory.path());
  numbered_state target;
  const auto found = series.load(target.model, anything);
  REQUIRE(found);
  CHECK(found->file == directory / "checkpoint-000000000030.safetensors");
  CHECK(found->damaged.empty());
  CHECK(found->state.notes.at("who") == "test");
  CHECK(target.number() == 30);
  CHECK(series.best_steps() == 10);
  save(series, 30);
  CHECK(checkpoints_in(directory.path()) == list{30, 20, 10});
  save(series, 40, 0.3);
  CHECK(checkpoints_in(directory.path()) == list{40, 30, 10});
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 6);
}

TEST_CASE("series: of a damaged newest one it says why, and takes the one before it") {
  const scratch_directory directory;
  const auto fill = [&] {
    checkpoint_series series(directory.path());
    for (const std::uint64_t steps : {1U, 2U, 3U}) save(series, steps);
  };
  const std::string newest = checkpoint_file(directory.path(), 3),
                    before = checkpoint_file(directory.path(), 2);
  fill();
  const std::string whole = content_of(newest);
  numbered_state target;
  CHECK(damaged_in(directory, target, 3).empty());

  flip(newest, whole.size() * 8 - 5);
  CHECK(
      damaged_in(directory, target, 2).starts_with("[spankey.checksum.103] " + newest + ": damaged: tensor"));
  std::filesystem::remove(newest);
  std::filesystem::create_directory(newest);
  CHECK(damaged_in(directory, target, 2).starts_with("[spankey.io.102]"));
  std::filesystem::remove(newest);
  // Another step's file under this name.
  std::filesystem::copy_file(before, newest);
  CHECK(damaged_in(directory, target, 2).starts_with("[spankey.checkpoint.101]"));
  // One that the program itself does not accept.
  put(newest, whole);
  checkpoint_series series(directory.path());
  const auto found = series.load(target.model, [](const training_state& state) {
    if (state.at.steps == 3) fail("log.103", "log", "is shorter");
  });
  CHECK(found->state.at.steps == 2);
  // The damaged one is gone with the next that is written.
  save(series, 5);
  CHECK(checkpoints_in(directory.path()) == list{5, 2});
}

TEST_CASE("series: all of them damaged, or of no use") {
  const scratch_directory directory;
  numbered_state target(77);
  CHECK_FALSE(checkpoint_series(directory.path()).load(target.model, anything));
  {
    checkpoint_series series(directory.path());
    save(series, 1);
    save(series, 2);
  }
  const auto load = [&](auto&& accept) {
    return message_of([&] { checkpoint_series(directory.path()).load(target.model, accept); });
  };
  // An error that does not speak of the file's content ends it at once.
  CHECK(load([](const training_state&) {
          fail("config.109", "config.json", "other");
        }).starts_with("[spankey.config.109]"));
  put(checkpoint_file(directory.path(), 1), "");
  put(checkpoint_file(directory.path(), 2), "");
  const std::string line = load(anything);
  CHECK(line.starts_with("[spankey.checkpoint.107] " + directory.path() +
                         ": none of its 2 checkpoints can be used"));
  CHECK(line.find("safetensors.101") != std::string::npos);
  CHECK(target.number() == 77);
  CHECK(id_of([&] { checkpoints_in(directory / "none"); }) == "checkpoint.105");
}

TEST_CASE("series: truncated at every 512 bytes") {
  const scratch_directory directory;
  {
    checkpoint_series series(directory.path());
    save(series, 1);
    save(series, 2);
  }
  const std::string newest = checkpoint_file(directory.path(), 2), whole = content_of(newest);
  numbered_state target;
  for (std::size_t length = 0; length < whole.size(); length += 512) {
    CAPTURE(length);
    put(newest, whole.substr(0, length));
    CHECK(damaged_in(directory, target, 1).starts_with("[spankey.safetensors.10"));
  }
  put(newest, whole + '\0');
  CHECK_FALSE(damaged_in(directory, target, 1).empty());
}

TEST_CASE("series: every flipped bit of the header, and sampled ones of the body") {
  const scratch_directory directory;
  {
    checkpoint_series series(directory.path());
    save(series, 1);
    save(series, 2);
  }
  const std::string newest = checkpoint_file(directory.path(), 2), whole = content_of(newest);
  std::uint64_t header = 0;
  std::memcpy(&header, whole.data(), 8);
  numbered_state target;
  const auto check = [&](std::size_t bit) {
    std::string text = whole;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    const std::string id = id_of([&] {
      const safetensors_file file =
          safetensors_file::from_memory(std::as_bytes(std::span<const char>(text)), "f");
      (void)training_state_of(file);
    });
    if (id == "no error") FAIL("bit " << bit << " was not found");
  };
  for (std::size_t bit = 0; bit < (8 + header) * 8; ++bit) check(bit);
  for (std::size_t i = 0; i < 500; ++i)
    check((8 + header) * 8 + i * 7919 % ((whole.size() - 8 - header) * 8));
  // The same through the files.
  for (std::size_t i = 0; i < 60; ++i) {
    put(newest, whole);
    flip(newest, i * 104729 % (whole.size() * 8));
    CHECK_FALSE(damaged_in(directory, target, 1).empty());
  }
}

namespace {
// Saves a series whose call number n fails, and looks at what is left. True where a call failed.
bool survives(call kind, int n, int code, int& lost) {
  const scratch_directory directory;
  basic_checkpoint_series<faulty_calls> series(directory.path());
  std::uint64_t saved = 0, begun = 0;
  faulty_calls::expect(kind, n, code);
  std::string id = "no error";
  try {
    id = id_of([&] {
      for (const std::uint64_t steps : {1U, 2U, 3U, 4U}) {
        begun = steps;
        save(series, steps, 1.0 / static_cast<double>(steps));
        saved = steps;
      }
    });
  } catch (const power_cut&) {
    id = "power cut";
  }
  const bool failed = faulty_calls::calls >= n;
  faulty_calls::expect(call::any, 0, 0);
  CHECK(faulty_calls::open_files == 0);
  numbered_state target;
  basic_checkpoint_series<faulty_calls> again(directory.path());  // without real flushes
  const auto found = again.load(target.model, anything);
  const std::uint64_t steps = found ? found->state.at.steps : 0;
  // The last whole one, or the one that was being written.
  if (steps != saved && steps != begun) ++lost;
  CHECK((steps == saved || steps == begun));
  if (found) {
    CHECK(found->damaged.empty());
    CHECK(target.number() == steps);
  }
  if (id != "no error" && id != "power cut") {
    const bool io = id.starts_with("io.11") || id == "checkpoint.106";
    CHECK(io);
  }
  // And it goes on.
  save(again, 9);
  CHECK(checkpoints_in(directory.path()).front() == 9);
  return failed;
}
}  // namespace

TEST_CASE("series: whichever call fails with whatever error, and wherever the power goes, nothing is lost") {
  int faults = 0, lost = 0;
  faulty_calls::part = 20000;
  for (const call kind :
       {call::open, call::write, call::fsync, call::close, call::link, call::rename, call::unlink, call::any})
    for (const int code : {ENOSPC, EIO, EINTR, 0}) {
      CAPTURE(spankey_test::call_names[static_cast<std::size_t>(kind)]);
      CAPTURE(code);
      for (int n = 1; survives(kind, n, code, lost); ++n) ++faults;
    }
  faulty_calls::part = 4096;
  MESSAGE(faults << " faults injected, lost " << lost);
  CHECK(faults > 300);
  CHECK(lost == 0);
}
