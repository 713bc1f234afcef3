// Maps as a session takes them: their format, what it refuses, what is left when they are released. That they open a locked
// network is tested with its key, in tests/lock/activation_maps_test.cpp. Costs 15 s to compile.
#include "spankey/infer/activation_maps.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"

using namespace spankey;
using infer::status;
using test::block;
using test::trained;

namespace {

using network = small_cnn<10, gate<runtime, at<>>, backend::reference, float>;
using network_session = infer::session<network>;
constexpr auto& operations = infer::architecture<network>::operations;

// Every channel stays, or is the next one's: three rounds of a mix are something else all the same.
void fill(const infer::activation_maps_writer::numbers& to, index_t channels) {
  REQUIRE(!to.moves.empty());
  for (std::size_t i = 0; i < to.moves.size(); ++i)
    to.moves[i] = static_cast<std::uint16_t>((static_cast<index_t>(i) + 1) % channels);
  for (std::size_t i = 0; i < to.root.size(); ++i) to.root[i] = i % 3 == 0 ? 1.0F : 0.25F;
}

struct opened {
  std::unique_ptr<trained<network>> of = std::make_unique<trained<network>>(injector_kind::none);
  std::vector<std::byte> made = infer::make_image<float>(of->model, 10);
  block image{made.size()}, memory{network_session::memory_bytes},
      maps{infer::activation_maps_bytes(network::list, true)}, mapped{network_session::map_memory_bytes};
  std::uint64_t fingerprint = 0;
  network_session session;

  opened() {
    std::copy(made.begin(), made.end(), image.span().begin());
    infer::image_header header;
    std::memcpy(&header, made.data(), sizeof header);
    fingerprint = header.network;
    REQUIRE(session.open(image.span(), memory.span()) == status::ok);
    write(fingerprint);
  }
  // A map before every layer that takes one, and has at least 8 channels.
  std::size_t write(std::uint64_t of_network) {
    infer::activation_maps_writer writer(maps.span(), operations.size(), of_network);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      if (!infer::takes_map(operations[i])) continue;
      const index_t channels = network::list.begin()[operations[i].entry].in.channels;
      if (channels >= 8) fill(writer.add(i, channels, true), channels);
    }
    return writer.finish();
  }
  status bind() { return session.bind_maps(maps.span(), mapped.span()); }
  std::vector<float> logits() {
    infer::answer<network> answer;
    REQUIRE(session.run_normalised(of->input, answer) == status::ok);
    return {answer.logits.begin(), answer.logits.end()};
  }
  // What bind says once `change` was made to the bytes, and the checksum made to fit.
  template <class F>
  status changed(F&& change, bool with_checksum = true) {
    change(maps.span().data());
    infer::maps_header header;
    std::memcpy(&header, maps.span().data(), sizeof header);
    if (with_checksum && header.bytes >= sizeof header && header.bytes <= maps.span().size()) {
      header.checksum = infer::checksum_of_maps(maps.span().data(), header.bytes);
      std::memcpy(maps.span().data(), &header, sizeof header);
    }
    const status s = bind();
    write(fingerprint);
    return s;
  }
};

template <class T>
void put(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}
infer::map_place place_of(const std::byte* maps, std::size_t i) {
  infer::map_place place;
  std::memcpy(&place, maps + infer::maps_front_bytes(i), sizeof place);
  return place;
}

}  // namespace

TEST_CASE("maps of a session: bound they change what it answers, released they leave nothing") {
  opened o;
  const std::vector<float> before = o.logits();
  REQUIRE(o.bind() == status::ok);
  const std::vector<float> mapped = o.logits();
  CHECK(test::distance(mapped, before) > 0.1);
  CHECK(o.logits() == mapped);
  o.session.release_maps();
  CHECK(std::ranges::all_of(o.mapped.span(), [](std::byte b) { return b == std::byte{0}; }));
  CHECK(o.logits() == before);
  REQUIRE(o.bind() == status::ok);
  CHECK(o.logits() == mapped);
  infer::wipe_activation_maps(o.maps.span());
  CHECK(std::ranges::all_of(o.maps.span(), [](std::byte b) { return b == std::byte{0}; }));
  CHECK(o.bind() == status::maps_format);
  o.session.close();
  CHECK(std::ranges::all_of(o.mapped.span(), [](std::byte b) { return b == std::byte{0}; }));
  CHECK(o.bind() == status::not_open);
}

TEST_CASE("maps of a session: what does not fit is refused by name, and the maps before stay") {
  opened o;
  REQUIRE(o.bind() == status::ok);
  const std::vector<float> mapped = o.logits();
  const std::size_t bytes = o.write(o.fingerprint);
  // The first layer reads one colour, and has none.
  CHECK(bytes + infer::moves_bytes(1) + infer::root_bytes(1) == o.maps.span().size());
  CHECK(o.session.bind_maps(o.maps.span(), o.mapped.span().first(network_session::map_memory_bytes - 1)) ==
        status::memory_size);
  block odd(network_session::map_memory_bytes + 4);
  CHECK(o.session.bind_maps(o.maps.span(), odd.span().subspan(4)) == status::memory_alignment);
  CHECK(o.session.bind_maps({}, o.mapped.span()) == status::maps_format);
  CHECK(o.session.bind_maps(o.maps.span().first(bytes - 4), o.mapped.span()) == status::maps_format);
  CHECK(o.changed([](std::byte* at) { at[7] = std::byte{'2'}; }) == status::maps_format);
  CHECK(o.changed([](std::byte* at) { at[40] ^= std::byte{1}; }, false) == status::maps_damaged);
  CHECK(o.changed([&](std::byte* at) { at[bytes - 1] ^= std::byte{1}; }, false) == status::maps_damaged);
  CHECK(o.changed([](std::byte* at) { put(at + 8, std::uint64_t{1}); }) == status::maps_network);
  CHECK(o.changed([](std::byte* at) { put(at + 16, std::uint32_t{1}); }) == status::maps_network);
  CHECK(o.changed([](std::byte* at) { put(at + 20, std::uint32_t{31}); }) == status::maps_format);

  std::size_t first = 0;
  while (place_of(o.maps.span().data(), first).channels == 0) ++first;
  const infer::map_place place = place_of(o.maps.span().data(), first);
  const std::size_t at_place = infer::maps_front_bytes(first);
  const auto with_place = [&](infer::map_place wrong) {
    return o.changed([&](std::byte* at) { put(at + at_place, wrong); });
  };
  CHECK(with_place({place.channels + 1, 1, place.at}) == status::maps_format);
  CHECK(with_place({place.channels, 2, place.at}) == status::maps_format);
  CHECK(with_place({place.channels, 1, place.at + 4}) == status::maps_format);
  CHECK(with_place({place.channels, 1, 0}) == status::maps_format);
  CHECK(with_place({place.channels, 1, bytes - 16}) == status::maps_format);
  CHECK(with_place({place.channels, 1, ~std::uint64_t{15}}) == status::maps_format);
  CHECK(o.changed([&](std::byte* at) { put(at + place.at, static_cast<std::uint16_t>(place.channels)); }) ==
        status::maps_format);
  const std::size_t root = place.at + infer::moves_bytes(static_cast<index_t>(place.channels));
  CHECK(o.changed([&](std::byte* at) { put(at + root, std::numeric_limits<float>::quiet_NaN()); }) ==
        status::maps_not_finite);
  // Before an operation without weights of its own.
  std::size_t other = 0;
  while (other < operations.size() && infer::takes_map(operations[other])) ++other;
  if (other < operations.size())
    CHECK(o.changed([&](std::byte* at) { put(at + infer::maps_front_bytes(other), place); }) ==
          status::maps_format);
  CHECK(o.logits() == mapped);
}

TEST_CASE("maps that do not fit into their memory are not written") {
  opened o;
  std::vector<std::byte> small(64);
  infer::activation_maps_writer writer(small, operations.size(), 1);
  CHECK(writer.add(0, 8, false).moves.empty());
  CHECK(writer.finish() == 0);
  const std::span<std::byte> exact = o.maps.span().first(infer::maps_front_bytes(2) + infer::moves_bytes(8));
  infer::activation_maps_writer of_two(exact, 2, 1);
  CHECK(of_two.add(0, 8, true).moves.empty());
  CHECK(of_two.add(0, 8, false).moves.size() == 24);
  CHECK(of_two.add(1, 8, false).moves.empty());
  CHECK(of_two.finish() == exact.size());
}
