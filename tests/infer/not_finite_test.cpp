// NaN and infinity open no gate, wherever they come in or arise: image, key, input, sums that grow too large.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "infer/trained_network.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/finite.hpp"

using namespace spankey;
using infer::status;
using test::block;
using test::trained;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN(),
                infinity = std::numeric_limits<float>::infinity(),
                largest = std::numeric_limits<float>::max();
constexpr std::array no_numbers = {not_a_number, -not_a_number, infinity, -infinity};

template <class Model, class Weight>
struct gated_session {
  using layout = infer::image_layout<Model, Weight>;
  std::unique_ptr<trained<Model>> network;
  std::vector<std::byte> made;
  block image, memory;
  infer::session<Model, Weight> session;
  std::vector<float> x;

  explicit gated_session(injector_kind kind)
      : network(std::make_unique<trained<Model>>(kind)),
        made(infer::make_image<Weight>(network->model, 10)),
        image(made.size()),
        memory(infer::session<Model, Weight>::memory_bytes),
        x(network->input) {
    restore();
    REQUIRE(open() == status::ok);
  }
  void restore() { std::copy(made.begin(), made.end(), image.span().begin()); }
  status open() { return session.open(image.span(), memory.span()); }
  // What open says of an image with `value` at byte `at`, whose checksum is right.
  template <class T>
  status opened_with(std::size_t at, T value) {
    std::memcpy(image.span().data() + at, &value, sizeof value);
    const status said = open_with_its_checksum();
    restore();
    return said;
  }
  status open_with_its_checksum() {
    const std::uint64_t sum = infer::checksum_of_image(image.span().data(), made.size());
    std::memcpy(image.span().data() + offsetof(infer::image_header, checksum), &sum, sizeof sum);
    return open();
  }
  status bind(const std::vector<std::vector<float>>& keys) {
    const std::array<std::span<const float>, 2> given = {keys[1], keys[2]};
    return session.bind(given);
  }
  infer::answer<Model> found;
  status run() {
    found.rejected = false, found.semantic_class = 3, found.logits.fill(7);
    return session.run_normalised(x, found);
  }
  [[nodiscard]] bool closed() const {
    return found.rejected && found.semantic_class == 0 &&
           std::all_of(found.logits.begin(), found.logits.end(), [](float z) { return z == 0; });
  }
};

template <class Backend, head_outputs Outputs>
using network = small_cnn<Outputs, gate<runtime, at<1, 2>>, Backend, float>;

template <class Model, class Weight>
void check_gate(injector_kind kind) {
  gated_session<Model, Weight> s(kind);
  REQUIRE(s.run() == status::ok);
  const auto open_logits = s.found.logits;

  // Input: first, last and between, without a key and with one.
  for (const bool keyed : {false, true}) {
    if (keyed) REQUIRE(s.bind(s.network->keys) == status::ok);
    REQUIRE(s.run() == status::ok);
    CHECK((s.found.logits == open_logits) == !keyed);
    for (const std::size_t at : {std::size_t{0}, s.x.size() / 2 + 3, s.x.size() - 1}) {
      for (const float wrong : no_numbers) {
        const float kept = std::exchange(s.x[at], wrong);
        CHECK(s.run() == status::input_not_finite);
        CHECK(s.closed());
        CHECK(s.found.key == (keyed ? infer::key_state::bound : infer::key_state::none));
        s.x[at] = kept;
      }
    }
    // Numbers, but too large: an answer has logits that are numbers, or there is none.
    const std::vector<float> usual = s.x;
    for (const float scale : {1e10F, 1e30F, 1e36F, 1e38F}) {
      for (float& v : s.x) v = std::clamp(v, -1.0F, 1.0F) * scale;
      const status said = s.run();
      CHECK((said == status::ok ? all_finite(s.found.logits.data(), std::ssize(s.found.logits))
                                : said == status::logits_not_finite && s.closed()));
      s.x = usual;
    }
  }
  REQUIRE(s.run() == status::ok);
  const auto keyed_logits = s.found.logits;

  // Key: refused, and the one before it stays bound.
  for (const std::size_t site : {std::size_t{1}, std::size_t{2}}) {
    for (const std::size_t at : {std::size_t{0}, std::size_t{5}, s.network->keys[site].size() - 1}) {
      for (const float wrong : no_numbers) {
        std::vector<std::vector<float>> keys = s.network->keys;
        keys[1][3] += 1;
        keys[site][at] = wrong;
        CHECK(s.bind(keys) == status::key_not_finite);
      }
    }
  }
  std::vector<std::vector<float>> erased = s.network->keys;
  for (std::vector<float>& values : erased)  // flash
    std::memset(values.data(), 0xFF, values.size() * sizeof(float));
  CHECK(s.bind(erased) == status::key_not_finite);
  REQUIRE(s.run() == status::ok);
  CHECK(s.found.logits == keyed_logits);

  // A key of numbers that do too much: gamma is 1.5.
  std::vector<std::vector<float>> huge = s.network->keys;
  std::fill(huge[2].begin(), huge[2].end(), largest);
  CHECK(s.bind(huge) == (kind == injector_kind::multiplicative ? status::ok : status::key_not_finite));
  if (kind == injector_kind::additive) {
    std::fill(huge[1].begin(), huge[1].end(), largest / 2);
    std::fill(huge[2].begin(), huge[2].end(), -largest / 2);
    REQUIRE(s.bind(huge) == status::ok);
    CHECK(s.run() == status::logits_not_finite);
    CHECK(s.closed());
  }
}

template <class Model, class Weight>
void check_image() {
  gated_session<Model, Weight> s(injector_kind::multiplicative);
  using layout = infer::image_layout<Model, Weight>;
  for (const float wrong : no_numbers) {
    CHECK(s.opened_with(offsetof(infer::image_header, gamma), wrong) == status::image_not_finite);
    for (std::size_t i = 0; i < layout::operations.size(); ++i) {
      const auto outputs = static_cast<std::size_t>(layout::operations[i].bias_count());
      for (const std::size_t o : {std::size_t{0}, outputs - 1}) {
        CHECK(s.opened_with(layout::parts[i].bias + 4 * o, wrong) == status::image_not_finite);
        if constexpr (std::is_same_v<Weight, std::int8_t>)
          CHECK(s.opened_with(layout::parts[i].scale + 4 * o, wrong) == status::image_not_finite);
      }
      if constexpr (!std::is_same_v<Weight, std::int8_t>) {
        const auto weights = static_cast<std::size_t>(layout::operations[i].weight_count());
        for (const std::size_t w : {std::size_t{0}, weights / 2, weights - 1})
          CHECK(s.opened_with(layout::parts[i].weights + w * sizeof(Weight), Weight(wrong)) ==
                status::image_not_finite);
      }
    }
  }
  if constexpr (std::is_same_v<Weight, std::int8_t>)  // 127 times as much is none
    CHECK(s.opened_with(layout::parts[1].scale, largest / 2) == status::image_not_finite);
  CHECK(s.run() == status::not_open);
  CHECK(s.closed());
  REQUIRE(s.open() == status::ok);
  CHECK(s.run() == status::ok);
  // Weights that are numbers, and too large for sums of them.
  if constexpr (std::is_same_v<Weight, float>) {
    for (index_t w = 0; w < layout::operations[2].weight_count(); ++w)
      std::memcpy(
          s.image.span().data() + layout::parts[2].weights + static_cast<std::size_t>(w) * sizeof(float),
          &largest, sizeof largest);
    REQUIRE(s.open_with_its_checksum() == status::ok);
    std::fill(s.x.begin(), s.x.end(), 9.0F);
    CHECK(s.run() == status::logits_not_finite);
    CHECK(s.closed());
  }
}

}  // namespace

TEST_CASE("not finite: an answer that no run filled in is a refusal") {
  CHECK(infer::answer<network<backend::reference, 11>>{}.rejected);
}

TEST_CASE("not finite: input and key, in every precision, with each way to refuse, on both engines") {
  constexpr head_outputs beside(10, aux_logit::reject);
  using additive_last = network<backend::reference, beside>;
  check_gate<network<backend::reference, 11>, float>(injector_kind::multiplicative);
  check_gate<network<backend::reference, 11>, std::int8_t>(injector_kind::additive);
  check_gate<network<backend::reference, 10>, bf16>(injector_kind::multiplicative);
  check_gate<additive_last, float>(injector_kind::additive);
  check_gate<network<backend::reference, 11>, float>(injector_kind::reading);
  check_gate<network<backend::cpu, 11>, float>(injector_kind::additive);
  check_gate<network<backend::cpu, 11>, std::int8_t>(injector_kind::multiplicative);
}

TEST_CASE("not finite: an image whose checksum fits") {
  check_image<network<backend::reference, 11>, float>();
  check_image<network<backend::reference, 11>, bf16>();
  check_image<network<backend::reference, 11>, std::int8_t>();
}

TEST_CASE("not finite: a pool loses no NaN on its way to the logits") {
  for (const float other : {-1.0F, 0.0F, infinity, -infinity}) {
    CHECK_FALSE(is_finite(infer::larger(not_a_number, other)));
    CHECK_FALSE(is_finite(infer::larger(other, not_a_number)));
  }
  CHECK(infer::larger(2, 3) == 3);
  CHECK(infer::larger(3, 2) == 3);
}

TEST_CASE("make_image: an injection strength that is no number is refused") {
  trained<network<backend::reference, 11>> t(injector_kind::multiplicative);
  set_injector(t.model, runtime{injector_kind::additive, infinity});
  CHECK_THROWS_WITH_AS(infer::make_image<float>(t.model, 10),
                       "[spankey.infer.104] make_image: found gamma inf, expected a finite number", error);
}
