// Sealed keys, revocation lists and rings: an input as it is; laid over a sound file whose checksum is then made right; and as what
// stands inside a seal. What opens is what was sealed, and what is read means the same when it is written again.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz.hpp"
#include "spankey/checkpoint/ring_file.hpp"
#include "spankey/key/sealed_key.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

namespace {

using byte_view = std::span<const std::byte>;

constexpr std::array<std::byte, 1> passphrase{std::byte{'p'}};
constexpr std::uint64_t network = 7;

const std::vector<std::byte>& sound_key() {
  static const std::vector<std::byte> made = [] {
    std::vector<site_key> key{{{0, {2, 1, 1}}, {1.0F, 2.0F}}};
    return seal_key(key_file_bytes(network, 3, key), {.network = network, .serial = 3, .generation = 1},
                    sealed_key_target::device(secret_bytes()));
  }();
  return made;
}
const std::vector<std::byte>& sound_ring() {
  static const std::vector<std::byte> made = [] {
    open_ring ring(network, passphrase, {1, 8});
    ring.ring.issue({.name = "a", .note = "n"});
    ring.ring.issue({.name = "b"});
    return ring.bytes();
  }();
  return made;
}

void mend(std::vector<std::byte>& file) {
  if (file.size() < 12) return;
  file.resize(file.size() / 4 * 4);
  const std::uint64_t checksum = word_checksum(file.data(), file.size() - 8);
  std::memcpy(file.data() + file.size() - 8, &checksum, sizeof checksum);
}

void check_key(byte_view file) {
  sealed_key_file key;
  const bool is_one = key.read(file) == sealed_key_state::ok;
  promise(is_one == accepts([&] { (void)read_sealed_key(file, "input"); }),
          "both readers take the same files");
  if (!is_one) return;
  promise(key.payload_bytes() + sealed_key_file::overhead == file.size(), "a payload fits its file");
  (void)key.check({.network = network, .today = 20000, .least_generation = 1});
  if (key.header().recipient != key_recipient::device) return;
  std::vector<std::byte> room(key.payload_bytes());
  const bool opens = key.open(xchacha20_cipher(), secret_bytes().bytes(), room) == sealed_key_state::ok;
  if (!opens)
    promise(std::all_of(room.begin(), room.end(), [](std::byte b) { return b == std::byte{0}; }),
            "what does not open leaves nothing");
  const bool loads = accepts([&] { (void)open_sealed_key(key, {}, "input"); });
  promise(opens || !loads, "only what opens is taken");
  if (!loads) return;
  if (key.header().payload != key_payload::span) return;
  key_file inside;
  promise(inside.read(room) == key_file_state::ok && inside.network() == key.header().network &&
              inside.number() == key.header().serial,
          "a key is of the network and the serial that its header names");
}

void check_list(byte_view file) {
  revocation_list list;
  if (list.read(file) != revocation_list_state::ok) {
    promise(list.size() == 0 && !list.holds(0), "what is no list lists nobody");
    return;
  }
  promise(revocation_list::bytes_of(list.size()) == file.size(), "a list fits its file");
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::uint64_t serial;
    std::memcpy(&serial, file.data() + sizeof(revocation_list_header) + 8 * i, sizeof serial);
    promise(list.holds(serial), "a list holds what it lists");
  }
}

void check_ring(byte_view file) {
  // A guess of up to 16 GiB is no finding.
  ring_file_header header;
  if (file.size() >= sizeof header) std::memcpy(&header, file.data(), sizeof header);
  if (header.passes > 2 || header.kib > 64) return;
  (void)accepts([&] {
    const open_ring ring = open_ring::read(file, passphrase, "input");
    const open_ring again = open_ring::read(ring.bytes(), passphrase, "again");
    promise(ring.ring.customers().size() == again.ring.customers().size() &&
                ring.ring.next_serial() == again.ring.next_serial(),
            "what is read is written alike");
    check_list(ring.ring.revocations());
  });
}

// The input, but for its first two bytes, over a file from where these say; and the checksum made right.
std::vector<std::byte> laid_over(std::vector<std::byte> file, byte_view input) {
  if (input.size() < 2) return file;
  const std::size_t at =
      (static_cast<std::size_t>(input[0]) << 8 | static_cast<std::size_t>(input[1])) % file.size();
  const byte_view rest = input.subspan(2);
  std::copy_n(rest.begin(), std::min(rest.size(), file.size() - at),
              file.begin() + static_cast<std::ptrdiff_t>(at));
  mend(file);
  return file;
}

// A file with a sound header and seal, and the input inside.
template <class Header>
std::vector<std::byte> sealed_around(Header header, byte_view inside, const secret_bytes& key) {
  inside = inside.first(inside.size() / 4 * 4);
  header.bytes = sizeof header + inside.size() + sealed_overhead + 8;
  std::vector<std::byte> file(sizeof header);
  std::memcpy(file.data(), &header, sizeof header);
  const std::vector<std::byte> sealed = seal(inside, as_text(file), key);
  file.insert(file.end(), sealed.begin(), sealed.end());
  file.resize(file.size() + 8);
  mend(file);
  return file;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const byte_view input = std::as_bytes(std::span(data, size));
  check_key(input), check_list(input), check_ring(input);
  check_key(laid_over(sound_key(), input));
  check_ring(laid_over(sound_ring(), input));
  std::vector<std::byte> mended(input.begin(), input.end());
  mend(mended);
  check_list(mended);
  check_key(sealed_around(sealed_key_header{.network = network, .serial = 3, .generation = 1}, input, {}));
  ring_file_header ring;
  std::memcpy(&ring, sound_ring().data(), sizeof ring);
  check_ring(sealed_around(ring, input, passphrase_key(passphrase, ring.salt, {ring.passes, ring.kib})));
  return 0;
}
