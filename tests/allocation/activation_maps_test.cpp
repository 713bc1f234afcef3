// A session is given maps, runs with them and forgets them without the heap. Costs 10 s to compile.
#include "spankey/infer/activation_maps.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "heap_counter.hpp"
#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"

using namespace spankey;
using infer::status;
using spankey_test::heap_allocations;

TEST_CASE("maps of activations take nothing from the heap") {
  using network = small_cnn<10, gate<runtime, at<>>, backend::reference, float>;
  using session_type = infer::session<network>;
  constexpr auto& operations = infer::architecture<network>::operations;
  const auto of = std::make_unique<test::trained<network>>(injector_kind::none);
  const std::vector<std::byte> made = infer::make_image<float>(of->model, 10);
  test::block image(made.size()), memory(session_type::memory_bytes), mapped(session_type::map_memory_bytes),
      maps(infer::activation_maps_bytes(network::list, true));
  std::copy(made.begin(), made.end(), image.span().begin());
  infer::image_header header;
  std::memcpy(&header, made.data(), sizeof header);
  infer::answer<network> answer;

  const long before = heap_allocations();
  session_type session;
  status worst = session.open(image.span(), memory.span());
  const auto keep = [&](status s) { worst = worst == status::ok ? s : worst; };
  infer::activation_maps_writer writer(maps.span(), operations.size(), header.network);
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (!infer::takes_map(operations[i])) continue;
    const index_t channels = network::list.begin()[operations[i].entry].in.channels;
    const auto to = writer.add(i, channels, true);
    for (std::size_t c = 0; c < to.moves.size(); ++c)
      to.moves[c] = static_cast<std::uint16_t>(static_cast<index_t>(c) % channels);
    for (float& number : to.root) number = 1;
  }
  const bool written = writer.finish() == maps.span().size();
  keep(session.run_normalised(of->input, answer));
  const float open = answer.logits[0];
  keep(session.bind_maps(maps.span(), mapped.span()));
  keep(session.run_normalised(of->input, answer));
  const bool changed = answer.logits[0] != open;
  session.release_maps();
  infer::wipe_activation_maps(maps.span());
  const long after = heap_allocations();

  CHECK(after == before);
  CHECK(written);
  CHECK(worst == status::ok);
  CHECK(changed);
}
