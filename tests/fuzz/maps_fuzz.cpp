// Maps of a locked network's activations: an input as it is, and a sound block of which the input replaces a part, with the
// checksum made right. What a session refuses changes no answer; what it takes it computes with, inside its memory.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/model.hpp"

using namespace spankey;
using infer::status;
using spankey_test::promise;

namespace {

constexpr layer_list narrow(head_outputs outputs) {
  layer_list net("narrow", {3, 4, 4});
  net.conv2d("conv1", 12).relu("relu1").conv2d("conv2", 8, {.stride = 2});
  return net.head("fc", outputs);
}
using network = model_of<narrow, 5, ungated, backend::reference, float>;
using session_type = infer::session<network>;
constexpr auto& operations = infer::architecture<network>::operations;
constexpr std::size_t most = infer::activation_maps_bytes(network::list, true);

alignas(infer::image_alignment) std::array<std::byte, session_type::image_bytes> image;
alignas(infer::image_alignment) std::array<std::byte, session_type::memory_bytes> working;
alignas(infer::image_alignment) std::array<std::byte, session_type::map_memory_bytes> mapped;

// Writes the image of a drawn network; the sound block of its maps, each of which reverses the channels.
const std::vector<std::byte>& sound() {
  static const std::vector<std::byte> made = [] {
    static network model;
    static const arena memory(model, 1);
    initialise(model, 1);
    const std::vector<std::byte> bytes = infer::make_image<float>(model, 5);
    std::copy(bytes.begin(), bytes.end(), image.begin());
    infer::image_header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    alignas(infer::image_alignment) static std::array<std::byte, most> block;
    infer::activation_maps_writer writer(block, operations.size(), header.network);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      if (!infer::takes_map(operations[i])) continue;
      const index_t channels = network::list.begin()[operations[i].entry].in.channels;
      const auto to = writer.add(i, channels, true);
      for (std::size_t c = 0; c < to.moves.size(); ++c)
        to.moves[c] = static_cast<std::uint16_t>(channels - 1 - static_cast<index_t>(c) % channels);
      std::fill(to.root.begin(), to.root.end(), 0.5F);
    }
    promise(writer.finish() == block.size(), "a map before every layer");
    return std::vector<std::byte>(block.begin(), block.end());
  }();
  return made;
}

void check(std::span<const std::byte> input) {
  (void)sound();
  std::vector<std::byte> held(input.size() + infer::image_alignment);
  const auto off = reinterpret_cast<std::uintptr_t>(held.data()) % infer::image_alignment;
  const std::span<std::byte> maps(held.data() + (infer::image_alignment - off) % infer::image_alignment,
                                  input.size());
  std::copy(input.begin(), input.end(), maps.begin());
  static session_type session;
  promise(session.open(image, working) == status::ok, "the image opens");
  std::array<float, static_cast<std::size_t>(network::input::size)> x{};
  x.fill(0.5F);
  infer::answer<network> open, answer;
  promise(session.run_normalised(x, open) == status::ok, "an open session answers");
  const bool bound = session.bind_maps(maps, mapped) == status::ok;
  const status s = session.run_normalised(x, answer);
  promise(s == status::ok || (bound && s == status::logits_not_finite), "a session answers, or says why not");
  promise(bound || answer.logits == open.logits, "what is refused changes no answer");
  session.release_maps();
  promise(session.run_normalised(x, answer) == status::ok && answer.logits == open.logits,
          "what is released is gone");
}

// The input, but for its first two bytes, over the sound block from where these say.
void check_replaced(std::span<const std::byte> input) {
  if (input.size() < 2) return;
  std::vector<std::byte> block = sound();
  const std::size_t at =
      (static_cast<std::size_t>(input[0]) << 8 | static_cast<std::size_t>(input[1])) % block.size();
  const std::span<const std::byte> rest = input.subspan(2);
  std::copy_n(rest.begin(), std::min(rest.size(), block.size() - at),
              block.begin() + static_cast<std::ptrdiff_t>(at));
  infer::maps_header header;
  std::memcpy(&header, block.data(), sizeof header);
  if (header.bytes % 4 == 0 && header.bytes >= sizeof header && header.bytes <= block.size()) {
    header.checksum = infer::checksum_of_maps(block.data(), header.bytes);
    std::memcpy(block.data(), &header, sizeof header);
  }
  check(block);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
  check(input);
  check_replaced(input);
  return 0;
}
