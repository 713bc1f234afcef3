// Costs 40 s to compile and 2 s to run.
#include "spankey/lock/syndrome_guard.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/train/site_buffers.hpp"

using namespace spankey;
using infer::status;
using test::block;
using test::trained;

namespace {

using network = small_cnn<11, gate<runtime, at<1, 2>>, backend::reference, float>;
using network_session = infer::session<network>;
constexpr syndrome_options sixteen{.rows = 16};

// A network with two sites, its keys, and guards on both.
struct guarded {
  std::unique_ptr<trained<network>> held;
  std::vector<site> sites = {{1, network::sites[1]}, {2, network::sites[2]}};
  key_space keys{{.subspace_dim = 8, .per_site_key = true, .per_site_basis = true, .seed = 2}, sites};
  syndrome_gate<network> guards;

  explicit guarded(injector_kind kind)
      : held(std::make_unique<trained<network>>(kind)), guards(held->model, keys, sixteen) {}

  // Valid keys, or those of a rule, in memory order.
  [[nodiscard]] std::vector<std::vector<float>> drawn(const invalid_rule* rule) {
    const site_buffers buffers(sites, 1);
    if (rule == nullptr) {
      keys.draw_valid({5, stream::evaluation, 0}, 1, buffers.outputs());
    } else {
      keys.draw_invalid(*rule, {5, stream::evaluation, 0}, 1, buffers.outputs());
    }
    std::vector<std::vector<float>> all;
    for (std::size_t i = 0; i < sites.size(); ++i)
      all.emplace_back(buffers.outputs()[i], buffers.outputs()[i] + sites[i].shape.size());
    return all;
  }
  [[nodiscard]] std::vector<float> logits(const std::vector<std::vector<float>>& key) {
    model_keys<float, network::sites.size()> given;
    for (std::size_t i = 0; i < key.size(); ++i)
      given[static_cast<std::size_t>(sites[i].number)].group[0] = {key[i], 0};
    const auto z = held->model.forward(pass{}, {held->input.data(), 1}, given);
    return {z.data(), z.data() + 11};
  }
};

// As sessions take them.
std::vector<std::vector<float>> in_file_order_of(const guarded& g, std::vector<std::vector<float>> key) {
  for (std::size_t s = 0; s < key.size(); ++s) {
    const std::vector<float> from = key[s];
    for (std::size_t i = 0; i < from.size(); ++i)
      key[s][static_cast<std::size_t>(file_index(g.sites[s].shape, static_cast<index_t>(i)))] = from[i];
  }
  return key;
}
std::vector<std::span<const float>> views_of(const std::vector<std::vector<float>>& key) {
  return {key.begin(), key.end()};
}

template <class Weight>
void check_session(injector_kind kind, double tolerance) {
  guarded g(kind);
  const auto valid = g.drawn(nullptr);
  const std::vector<float> open = g.logits(valid);
  const std::vector<std::byte> made = infer::make_image<Weight>(g.held->model, 10);
  block image(made.size());
  std::copy(made.begin(), made.end(), image.span().begin());
  using session_type = infer::session<network, Weight>;
  block memory(session_type::memory_bytes);
  session_type session;
  REQUIRE(session.open(image.span(), memory.span()) == status::ok);

  infer::answer<network> answer;
  answer.rejected = false;
  CHECK(session.run_normalised(g.held->input, answer) == status::key_missing);
  CHECK(answer.rejected);
  CHECK(std::ranges::count(answer.logits, 0.0F) == 11);
  const auto key = in_file_order_of(g, valid);
  REQUIRE(session.bind(views_of(key)) == status::ok);
  REQUIRE(session.run_normalised(g.held->input, answer) == status::ok);
  CHECK(answer.key == infer::key_state::bound);
  CHECK(test::distance(answer.logits, open) < tolerance);

  // Whoever is refused leaves the session without a key, at one site or at both.
  for (const bool at_both : {false, true}) {
    REQUIRE(session.bind(views_of(key)) == status::ok);
    const invalid_rule orthogonal{invalid_family::orthogonal};
    auto wrong = in_file_order_of(g, g.drawn(&orthogonal));
    if (!at_both) wrong[0] = key[0];
    CHECK(session.bind(views_of(wrong)) == status::key_refused);
    CHECK(session.key() == infer::key_state::none);
    CHECK(session.run_normalised(g.held->input, answer) == status::key_missing);
  }
  auto zero = key;
  for (auto& of_site : zero) std::fill(of_site.begin(), of_site.end(), 0.0F);
  CHECK(session.bind(views_of(zero)) == status::key_refused);
}

}  // namespace

TEST_CASE("a guarded network: itself for accepted keys, scrambled for refused ones and without a key") {
  for (const injector_kind kind : {injector_kind::none, injector_kind::multiplicative}) {
    guarded g(kind);
    CHECK(g.guards.bits() > 80);
    const auto valid = g.drawn(nullptr);
    const std::vector<float> accepted = g.logits(valid), without = g.logits({});
    std::vector<std::vector<float>> refused;
    for (const invalid_rule rule :
         {invalid_rule{}, invalid_rule{invalid_family::zero}, invalid_rule{invalid_family::angle, 5}}) {
      refused.push_back(g.logits(g.drawn(&rule)));
      CHECK(refused.back() == without);  // whatever the wrong key was
    }
    CHECK(test::distance(without, accepted) > 0.1);
    // Without the guards: an accepted key does what it did, to the bit.
    g.held->model.for_each_site([](int, auto& site) { site.guard = nullptr; });
    CHECK(g.logits(valid) == accepted);
    if (kind == injector_kind::none) CHECK(g.logits({}) == accepted);
  }
}

TEST_CASE("the scramble follows from the key space, and is another one for another") {
  guarded first(injector_kind::none), again(injector_kind::none);
  CHECK(first.logits({}) == again.logits({}));
  const auto held = std::make_unique<trained<network>>(injector_kind::none);
  const key_space other({.subspace_dim = 8, .per_site_key = true, .per_site_basis = true, .seed = 3},
                        first.sites);
  CHECK(syndrome_seed(other, 0) != syndrome_seed(first.keys, 0));
  CHECK(syndrome_seed(other, 0) != syndrome_seed(other, 1));
}

TEST_CASE("sessions: an accepted key answers as the network does, everybody else gets a status") {
  SUBCASE("fp32") { check_session<float>(injector_kind::multiplicative, 1e-5); }
  SUBCASE("fp32, without an injector") { check_session<float>(injector_kind::none, 1e-5); }
  SUBCASE("int8") { check_session<std::int8_t>(injector_kind::additive, 0.05); }
}

TEST_CASE("keys of a channel are asked, too") {
  layer_list list = small_cnn_on({1, 28, 28}, 10);
  list.give_keys(key_shape::channel);
  sized_model<runtime, backend::reference, float> model(list);
  set_gate(model, runtime{}, at<2>::numbers);
  const arena memory(model, 1);
  initialise(model, 1);
  const std::vector<site> sites = {{2, {32, 1, 1}}};
  key_space keys({.subspace_dim = 8, .seed = 4}, sites);
  std::vector<float> x(784);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(test::noise(i));
  std::vector<site_keys<float>> given(3);
  const auto answers = [&] {
    const float* z = model.forward(pass{}, x.data(), 1, given);
    return std::vector<float>(z, z + 10);
  };
  const std::vector<float> open = answers();
  const syndrome_gate guards(model, keys, {.rows = 20});
  CHECK(answers() != open);
  const site_buffers drawn(sites, 1);
  keys.draw_valid({5, stream::evaluation, 0}, 1, drawn.outputs());
  given[2].group[0] = {{drawn.outputs()[0], 32}, 0};
  CHECK(answers() == open);
  spankey_test::check_refused([&] { (void)syndrome_gate(model, keys, {.rows = 20}); }, "lock.141");
}

TEST_CASE("a gate where no guard can stand") {
  const auto held = std::make_unique<trained<network>>(injector_kind::none);
  const key_space elsewhere({.subspace_dim = 4}, {{0, network::sites[0]}});
  spankey_test::check_refused([&] { (void)syndrome_gate(held->model, elsewhere); }, "lock.140", {"site 0"});
  const key_space keys({.subspace_dim = 4}, {{1, network::sites[1]}});
  { const syndrome_gate guards(held->model, keys); }
  held->model.for_each_site([](int, auto& site) { CHECK(site.guard == nullptr); });
}
