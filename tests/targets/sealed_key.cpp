// A session that binds a sealed key, as firmware has it: the cipher is somebody else's. Compiled, never run: what it may call is
// what counts.
#include <cstddef>
#include <cstdint>
#include <span>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/model/small_cnn.hpp"

using namespace spankey;
using network = small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>;

extern "C" bool open_sealed_bytes(const std::byte* sealed, std::size_t bytes, const std::byte* about,
                                  const std::byte* key, std::byte* out);

struct firmware_cipher {
  bool operator()(std::span<const std::byte> sealed, std::span<const std::byte> about,
                  std::span<const std::byte> key, std::span<std::byte> out) const {
    return open_sealed_bytes(sealed.data(), sealed.size(), about.data(), key.data(), out.data());
  }
};

infer::status bind_sealed(infer::session<network, std::int8_t>& session, std::span<const std::byte> file,
                          std::span<const std::byte> key, std::span<std::byte> room,
                          std::span<const std::byte> listed, day_number today) {
  revocation_list list;
  if (list.read(listed) != revocation_list_state::ok) return infer::status::key_damaged;
  return session.bind_file({.file = file, .key = key, .room = room, .today = today, .revoked = &list},
                           firmware_cipher());
}
