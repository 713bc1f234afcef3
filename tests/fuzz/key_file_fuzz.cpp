// Key files: an input as it is, and an input whose length and checksum are then made right, which is what an attacker would
// do. What a session binds answers inside its classes; what the reader takes is read alike by every reader.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"

using namespace spankey;
using infer::status;
using spankey_test::accepts;
using spankey_test::promise;

namespace {

// Small: its sites have 20 and 64 elements.
using network = mlp<6, gate<multiplicative, at<0, 1>>, backend::reference, float>;
using session_type = infer::session<network>;

// One image for all inputs, of weights that are drawn.
const std::vector<std::byte>& image() {
  static const std::vector<std::byte> made = [] {
    static network model;
    static const arena memory(model, 1);
    set_injector(model, multiplicative{.gamma = 2});
    initialise(model, 1);
    return infer::make_image<float>(model, 5);
  }();
  return made;
}

struct alignas(infer::image_alignment) session_memory {
  std::array<std::byte, session_type::image_bytes> image;
  std::array<std::byte, session_type::memory_bytes> working;
};

void check(std::span<const std::byte> file) {
  key_file key;
  const bool is_key = key.read(file) == key_file_state::ok;
  const bool loads = accepts([&] { (void)load_key(file, "input"); });
  promise(is_key == loads, "both readers take the same files");
  if (is_key) {
    const loaded_key loaded = load_key(file, "input");
    promise(loaded.sites.size() == key.sites() && key.sites() > 0, "as many sites");
    const auto again = key_file_bytes(loaded.network, loaded.number, loaded.sites);
    // The header's last word is not looked at: versions to come may use it.
    promise(
        again.size() == file.size() && std::equal(again.begin() + sizeof(key_file_header), again.end() - 8,
                                                  file.begin() + sizeof(key_file_header)),
        "what is read is written alike");
  }

  static session_memory memory;
  std::copy(image().begin(), image().end(), memory.image.begin());
  session_type session;
  promise(session.bind_file(file) == status::not_open, "without weights there is nothing to bind");
  promise(session.open(memory.image, memory.working) == status::ok, "the image opens");
  const bool bound = session.bind_file(file) == status::ok;
  promise(bound <= is_key, "only a key is bound");
  promise(bound == (session.key() == infer::key_state::bound), "what is refused is not bound");
  std::array<float, static_cast<std::size_t>(network::input::size)> x{};
  x.fill(0.5F);
  infer::answer<network> answer;
  promise(session.run_normalised(x, answer) == status::ok, "an open session answers");
  promise(answer.semantic_class >= 0 && answer.semantic_class < 5, "an answer is a class");
}

// The input behind a sound magic, version and network, with the length and the checksum that fit.
void check_repaired(std::span<const std::byte> input) {
  constexpr std::size_t fields = 24;  // magic, version, kind, network
  std::vector<std::byte> file(
      std::max<std::size_t>((fields + input.size()) / 4 * 4, sizeof(key_file_header)) + 8);
  key_file_header header;
  infer::image_header of_image;
  std::memcpy(&of_image, image().data(), sizeof of_image);
  header.network = of_image.network;
  std::memcpy(file.data(), &header, sizeof header);
  const std::size_t count = std::min(input.size(), file.size() - 8 - fields);
  if (count != 0) std::memcpy(file.data() + fields, input.data(), count);
  const std::uint64_t bytes = file.size();
  std::memcpy(file.data() + offsetof(key_file_header, bytes), &bytes, sizeof bytes);
  const std::uint64_t checksum = word_checksum(file.data(), file.size() - 8);
  std::memcpy(file.data() + file.size() - 8, &checksum, sizeof checksum);
  check(file);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
  check(input);
  check_repaired(input);
  return 0;
}
