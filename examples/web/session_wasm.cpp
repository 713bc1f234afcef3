// The page's network as a WebAssembly module: infer::session behind C functions, with all of its memory static.
//
//   the page writes   image()  image_bytes() bytes, weights.bin      open()    once
//                     key()    key_count() floats: the sites' keys, each in (C, H, W) order, one after another
//                                                                    bind()    unbind() forgets the key
//                     input()  28 x 28 bytes                         run()
//   and reads         logits() ten digits, then the reject class
// open, bind and run answer a status (infer/status.hpp), 0 being ok. No heap, no exceptions, no imports.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/model/small_cnn.hpp"

using namespace spankey;

namespace {

using network = small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>;
using session_type = infer::session<network, std::int8_t>;

constexpr std::size_t first_key = static_cast<std::size_t>(network::sites[1].size());
constexpr std::size_t second_key = static_cast<std::size_t>(network::sites[2].size());

alignas(infer::image_alignment) std::array<std::byte, session_type::image_bytes> weights;
alignas(infer::image_alignment) std::array<std::byte, session_type::memory_bytes> memory;
std::array<std::uint8_t, static_cast<std::size_t>(network::input::size)> pixels;
std::array<float, first_key + second_key> keys;
infer::answer<network> found;
// Nothing ever ends this module, so nothing destroys its session.
[[clang::no_destroy]] constinit session_type session;

int code_of(infer::status s) { return static_cast<int>(s); }

}  // namespace

#define SPANKEY_EXPORT(name) extern "C" __attribute__((export_name(#name)))

SPANKEY_EXPORT(image) std::byte* image() { return weights.data(); }
SPANKEY_EXPORT(image_bytes) std::size_t image_bytes() { return weights.size(); }
SPANKEY_EXPORT(input) std::uint8_t* input() { return pixels.data(); }
SPANKEY_EXPORT(key) float* key() { return keys.data(); }
SPANKEY_EXPORT(key_count) std::size_t key_count() { return keys.size(); }
SPANKEY_EXPORT(logits) const float* logits() { return found.logits.data(); }
SPANKEY_EXPORT(logit_count) std::size_t logit_count() { return found.logits.size(); }

SPANKEY_EXPORT(open) int open() { return code_of(session.open(weights, memory)); }
SPANKEY_EXPORT(bind) int bind() {
  const std::span<const float> all = keys;
  const std::array<std::span<const float>, 2> sites = {all.first(first_key), all.last(second_key)};
  const infer::status s = session.bind(sites);
  wipe(keys.data(), keys.size() * sizeof(float));
  return code_of(s);
}
SPANKEY_EXPORT(unbind) void unbind() { session.wipe_key(); }
SPANKEY_EXPORT(run) int run() { return code_of(session.run(pixels, found)); }
