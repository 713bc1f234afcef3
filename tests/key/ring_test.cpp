#include "spankey/key/ring.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::check_refused;

TEST_CASE("ring: serials ascend, nonces differ, and a name is given once") {
  key_ring ring(7);
  std::set<std::string> nonces;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const ring_customer& made =
        ring.issue({.name = "c" + std::to_string(i), .issued = 20000, .expires = 20000});
    CHECK(made.serial == i);
    CHECK(made.generation == 1);
    CHECK(made.network == 7);
    nonces.emplace(reinterpret_cast<const char*>(made.nonce.data()), made.nonce.size());
  }
  CHECK(nonces.size() == 100);
  CHECK(ring.named("c40").serial == 40);
  check_refused([&] { ring.issue({.name = "c40"}); }, "ring.101", {"c40"});
  check_refused([&] { (void)ring.named("nobody"); }, "ring.103", {"nobody"});
  check_refused([&] { ring.issue({.name = ""}); }, "ring.102", {"name"});
  check_refused([&] { ring.issue({.name = "two\nlines"}); }, "ring.102");
  check_refused([&] { ring.issue({.name = "x", .note = std::string(most_note_bytes + 1, 'n')}); }, "ring.102",
                {"note"});
  check_refused([&] { ring.issue({.name = "x", .issued = 20001, .expires = 20000}); }, "ring.106");
  CHECK(ring.customers().size() == 100);  // nothing of what was refused
  CHECK(ring.next_serial() == 101);
}

TEST_CASE(
    "ring: the revocation list names who is revoked of this generation, and makes those before it old") {
  key_ring ring(7);
  for (const char* name : {"a", "b", "c"}) ring.issue({.name = name});
  const auto list_of = [&](const std::vector<std::byte>& file) {
    revocation_list list;
    REQUIRE(list.read(file) == revocation_list_state::ok);
    return list;
  };
  std::vector<std::byte> file = ring.revocations();
  CHECK(list_of(file).size() == 0);
  ring.revoke("b");
  check_refused([&] { ring.revoke("b"); }, "ring.104", {"b"});
  check_refused([&] { ring.revoke("d"); }, "ring.103", {"d"});
  file = ring.revocations();
  revocation_list list = list_of(file);
  CHECK(list.network() == 7);
  CHECK(list.generation() == 1);
  CHECK(list.holds(2));
  CHECK_FALSE(list.holds(1));
  ring.rotate(8);
  CHECK(ring.issue({.name = "d"}).generation == 2);
  ring.revoke("a");
  file = ring.revocations();
  list = list_of(file);
  CHECK(list.network() == 8);
  CHECK(list.generation() == 2);
  CHECK(list.size() == 0);  // what came before the rotation is old, listed or not
}

TEST_CASE("ring: one that contradicts itself is refused") {
  const master_key master = draw_master_key();
  const auto with = [&](std::vector<ring_customer> customers, std::uint64_t next = 10,
                        std::uint64_t network = 7) {
    return spankey_test::id_of([&] { (void)key_ring(master, network, 2, next, std::move(customers)); });
  };
  const ring_customer one{.name = "a", .serial = 1, .network = 7, .generation = 1};
  const auto changed = [&](auto&& change) {
    ring_customer other = one;
    other.name = "b", other.serial = 2;
    change(other);
    return with({one, other});
  };
  CHECK(changed([](ring_customer&) {}) == "no error");
  CHECK(changed([](ring_customer& c) { c.name = "a"; }) == "ring.105");
  CHECK(changed([](ring_customer& c) { c.serial = 1; }) == "ring.105");
  CHECK(changed([](ring_customer& c) { c.serial = 10; }) == "ring.105");
  CHECK(changed([](ring_customer& c) { c.generation = 3; }) == "ring.105");
  CHECK(changed([](ring_customer& c) { c.generation = 0; }) == "ring.105");
  CHECK(changed([](ring_customer& c) { c.network = 0; }) == "ring.105");
  CHECK(with({one}, 10, 0) == "ring.105");
  CHECK(with({one}, 1) == "ring.105");
}
