#include "spankey/lock/lock_record.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::check_refused;

namespace {

const std::vector<std::byte> first(5, std::byte{1}), second(9, std::byte{2});

lock_record lock_of(const master_key& key) {
  lock_record lock("kind 1");
  lock.notes["how"] = "so";
  lock.add(key, "fc1", "5", first);
  lock.add(key, "fc2", "9", second);
  return lock;
}
lock_record read_again(const lock_record& lock, std::string_view kind = "kind 1") {
  const std::vector<std::byte> bytes = lock.contents().bytes();
  return lock_record::read(safetensors_file::from_memory(bytes, "lock"), kind);
}

}  // namespace

TEST_CASE("a lock's record opens with its key alone, where it was sealed, and comes back from its file") {
  const master_key key = draw_master_key();
  const lock_record lock = read_again(lock_of(key));
  CHECK(lock.notes.at("how") == "so");
  const secret_vector<std::byte> found = lock.open(key, "fc2", "9");
  CHECK(std::vector<std::byte>(found.begin(), found.end()) == second);
  lock.require_whole(key);
  check_refused([&] { (void)lock.open(draw_master_key(), "fc2", "9"); }, "lock.102", {"fc2"});
  check_refused([&] { (void)lock.open(key, "fc2", "8"); }, "lock.102");
  check_refused([&] { (void)lock.open(key, "fc3", "9"); }, "lock.102");
  check_refused([&] { lock.require_whole(draw_master_key()); }, "lock.132");
  check_refused([&] { (void)read_again(lock, "kind 2"); }, "lock.103", {"kind 2"});
}

TEST_CASE("a record from which entries were cut, or to which some were added, is found out") {
  const master_key key = draw_master_key();
  lock_record cut = read_again(lock_of(key));
  cut.sealed.erase("fc1");
  cut = read_again(cut);
  CHECK(cut.opened(key, "fc2", "9").has_value());  // what is left is sound
  check_refused([&] { cut.require_whole(key); }, "lock.132", {"1"});
  lock_record more = lock_of(key);
  more.sealed["fc3"] = more.sealed["fc1"];
  check_refused([&] { more.require_whole(key); }, "lock.132", {"3"});
  // By somebody with another key: the mark is theirs, and so is the seal.
  lock_record other = lock_of(key);
  other.sealed.erase("fc1");
  other.add(draw_master_key(), "fc1", "5", first);
  check_refused([&] { other.require_whole(key); }, "lock.132");
  // A name that looks as two do.
  lock_record joined("kind 1");
  joined.nonce = cut.nonce;
  joined.add(key, "fc1|3:fc2", "9", second);
  CHECK(joined.names != lock_of(key).names);
}

TEST_CASE("a file without the mark of its names is no lock") {
  const master_key key = draw_master_key();
  safetensors_writer writer = lock_of(key).contents();
  const auto read = [](const safetensors_writer& of) {
    const std::vector<std::byte> bytes = of.bytes();
    (void)lock_record::read(safetensors_file::from_memory(bytes, "lock"), "kind 1");
  };
  for (const std::string& wrong : {std::string(), std::string(63, '0'), std::string(64, 'g')}) {
    writer.set_metadata("names", wrong);
    check_refused([&] { read(writer); }, "lock.103");
  }
  writer.set_metadata("names", std::string(64, '0'));
  read(writer);
}
