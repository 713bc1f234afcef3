// A network as if it were trained, memory for its session, and the check that both answer alike.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "spankey/core/arena.hpp"
#include "spankey/core/random.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/resnet18.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"

namespace spankey::test {

inline double noise(std::uint64_t i) { return random_source(3, stream::glyphs).gaussian(i); }

// A model with weights, statistics and keys that are all different; its forward pass is the expectation.
template <class Model>
struct trained {
  Model model;
  arena memory{model, 1};
  std::vector<std::vector<float>> keys;  // (C, H, W), of every site
  std::vector<float> input = std::vector<float>(static_cast<std::size_t>(Model::input::size));

  explicit trained(injector_kind kind) {
    initialise(model, 5);
    std::uint64_t drawn = 0;
    model.for_each_parameter([&](const scope&, auto& p) {
      if (p.dims.file_rank > 1) return;
      for (index_t i = 0; i < p.value.count; ++i) p.value.data[i] += static_cast<float>(0.2 * noise(drawn++));
    });
    model.for_each_state([&](const scope&, auto& s) {
      for (index_t i = 0; i < s.count; ++i)
        s.value.data[i] += static_cast<float>(0.2 * std::abs(noise(drawn++)));
    });
    set_injector(model, runtime{kind, 1.5F});
    for (const extents& shape : Model::sites) {
      keys.emplace_back();
      for (index_t i = 0; i < shape.size(); ++i) keys.back().push_back(static_cast<float>(noise(drawn++)));
    }
    for (float& x : input) x = static_cast<float>(noise(drawn++));
  }

  std::vector<float> logits(bool keyed) {
    std::vector<std::vector<float>> in_memory_order = keys;
    model_keys<float, Model::sites.size()> given;
    for (std::size_t s = 0; s < keys.size(); ++s) {
      for (std::size_t i = 0; i < keys[s].size(); ++i)
        in_memory_order[s][i] =
            keys[s][static_cast<std::size_t>(file_index(Model::sites[s], static_cast<index_t>(i)))];
      if (keyed) given[s].group[0] = {in_memory_order[s], 0};
    }
    const auto z = model.forward(pass{}, {input.data(), 1}, given);
    return {z.data(), z.data() + index_t(Model::outputs)};
  }
};

// The session's memory, aligned, with a guard behind it.
struct block {
  std::vector<std::byte> bytes;
  std::size_t size;
  explicit block(std::size_t count)
      : bytes(count + 2 * infer::image_alignment, std::byte{0x5A}), size(count) {}
  std::span<std::byte> span() {
    const std::size_t off = reinterpret_cast<std::uintptr_t>(bytes.data()) % infer::image_alignment;
    return {bytes.data() + (infer::image_alignment - off) % infer::image_alignment, size};
  }
};

inline double distance(std::span<const float> got, std::span<const float> want) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    difference += std::pow(static_cast<double>(got[i]) - static_cast<double>(want[i]), 2);
    norm += std::pow(static_cast<double>(want[i]), 2);
  }
  return std::sqrt(difference / norm);
}

template <class Model, class Weight>
void check_session(injector_kind kind, index_t classes, double tolerance) {
  auto network = std::make_unique<trained<Model>>(kind);
  const std::vector<std::byte> made = infer::make_image<Weight>(network->model, classes);
  block image(made.size());
  std::copy(made.begin(), made.end(), image.span().begin());
  using session_type = infer::session<Model, Weight>;
  block memory(session_type::memory_bytes);
  session_type session;
  REQUIRE(session.open(image.span(), memory.span()) == infer::status::ok);

  infer::answer<Model> answer;
  REQUIRE(session.run_normalised(network->input, answer) == infer::status::ok);
  CHECK(answer.key == infer::key_state::none);
  const std::vector<float> open = network->logits(false), keyed = network->logits(true);
  CHECK(distance(answer.logits, open) < tolerance);
  CHECK(distance(keyed, open) > 2 * tolerance);  // else the keys prove nothing

  session.wipe_key();
  const std::vector<std::byte> wiped(memory.span().begin(), memory.span().end());
  std::vector<std::span<const float>> keys;
  network->model.for_each_site(
      [&](int site, auto&) { keys.emplace_back(network->keys[static_cast<std::size_t>(site)]); });
  REQUIRE(session.bind(keys) == infer::status::ok);
  REQUIRE(session.run_normalised(network->input, answer) == infer::status::ok);
  CHECK(answer.key == infer::key_state::bound);
  CHECK(distance(answer.logits, keyed) < tolerance);

  session.wipe_key();
  REQUIRE(std::ranges::equal(memory.span(), wiped));
  REQUIRE(session.run_normalised(network->input, answer) == infer::status::ok);
  CHECK(answer.key == infer::key_state::none);
  CHECK(distance(answer.logits, open) < tolerance);
}

}  // namespace spankey::test
