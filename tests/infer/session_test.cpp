#include "spankey/infer/session.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/train/site_buffers.hpp"

using namespace spankey;
using infer::status;
using test::block;
using test::check_session;
using test::trained;

namespace {

template <template <head_outputs, class, class, class> class Model, class Sites>
void check_everywhere(double tolerance) {
  using plain = Model<10, gate<runtime, Sites>, backend::reference, float>;
  using reject = Model<11, gate<runtime, Sites>, backend::reference, float>;
  using beside = Model<head_outputs(10, aux_logit::reject), gate<runtime, Sites>, backend::reference, float>;
  check_session<plain, float>(injector_kind::multiplicative, 10, tolerance);
  check_session<reject, float>(injector_kind::additive, 10, tolerance);
  check_session<beside, float>(injector_kind::multiplicative, 10, tolerance);
  check_session<reject, bf16>(injector_kind::multiplicative, 10, 0.03);
  check_session<reject, std::int8_t>(injector_kind::multiplicative, 10, 0.03);
  check_session<reject, float>(injector_kind::reading, 10, tolerance);
}

}  // namespace

TEST_CASE("session: answers as the model does, without a key, with one, and after it was wiped") {
  SUBCASE("mlp") { check_everywhere<mlp, at<0, 1, 2>>(1e-5); }
  SUBCASE("small_cnn") { check_everywhere<small_cnn, at<0, 1, 2>>(1e-5); }
  SUBCASE("small_resnet") { check_everywhere<small_resnet, at<0, 1, 2, 3>>(1e-5); }
}

namespace {
using small = small_cnn<11, gate<runtime, at<1, 2>>, backend::reference, float>;
using small_session = infer::session<small, std::int8_t>;

struct opened {
  std::unique_ptr<trained<small>> network = std::make_unique<trained<small>>(injector_kind::multiplicative);
  std::vector<std::byte> made = infer::make_image<std::int8_t>(network->model, 10);
  block image{made.size()}, memory{small_session::memory_bytes};
  small_session session;
  opened() { std::copy(made.begin(), made.end(), image.span().begin()); }
  status open() { return session.open(image.span(), memory.span()); }
  // What open says once `change` has been made to the header.
  template <class F>
  status changed(F&& change) {
    infer::image_header header;
    std::memcpy(&header, made.data(), sizeof header);
    change(header);
    std::memcpy(image.span().data(), &header, sizeof header);
    const status s = open();
    std::copy(made.begin(), made.end(), image.span().begin());
    return s;
  }
};
}  // namespace

TEST_CASE("session: a key of its own for every request, of one secret") {
  using network = small_cnn<11, gate<runtime, at<1, 2>>, backend::reference, float>;
  using session_type = infer::session<network>;
  const auto held = std::make_unique<trained<network>>(injector_kind::multiplicative);
  const std::vector<site> sites = {{1, network::sites[1]}, {2, network::sites[2]}};
  key_space keys({.subspace_dim = 8, .per_site_key = true, .per_site_basis = true, .seed = 2}, sites);
  const std::vector<std::byte> made = infer::make_image<float>(held->model, 10);
  block image(made.size()), memory(session_type::memory_bytes), again(session_type::memory_bytes);
  std::copy(made.begin(), made.end(), image.span().begin());
  session_type session, fresh;
  REQUIRE(session.open(image.span(), memory.span()) == status::ok);
  const site_buffers drawn(sites, 1);
  std::vector<float> before;
  infer::answer<network> answer;
  for (std::uint64_t request = 0; request < 12; ++request) {
    keys.draw_valid({5, stream::issued_keys, request}, 1, drawn.outputs());
    std::vector<std::span<const float>> views;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      std::vector<float>& key = held->keys[static_cast<std::size_t>(sites[i].number)];
      for (std::size_t j = 0; j < key.size(); ++j)
        key[static_cast<std::size_t>(file_index(sites[i].shape, static_cast<index_t>(j)))] =
            drawn.outputs()[i][j];
      views.emplace_back(key);
    }
    // Over the key before, which leaves nothing behind.
    REQUIRE(session.bind(views) == status::ok);
    REQUIRE(session.run_normalised(held->input, answer) == status::ok);
    const std::vector<float> logits(answer.logits.begin(), answer.logits.end());
    CHECK(test::distance(logits, held->logits(true)) < 1e-5);
    CHECK(logits != before);
    before = logits;
    REQUIRE(fresh.open(image.span(), again.span()) == status::ok);
    REQUIRE(fresh.bind(views) == status::ok);
    REQUIRE(fresh.run_normalised(held->input, answer) == status::ok);
    CHECK(std::ranges::equal(answer.logits, logits));
    if (request % 2 == 0) session.wipe_key();
    fresh.close();
  }
}

TEST_CASE("make_image: weights that are no numbers are refused by name") {
  opened o;
  o.network->model.for_each_parameter([](const scope& name, auto& p) {
    if (name.str() == "conv2.weight") p.value.data[3] = std::numeric_limits<float>::quiet_NaN();
  });
  CHECK_THROWS_WITH_AS(
      infer::make_image<std::int8_t>(o.network->model, 10),
      "[spankey.infer.103] conv2.weight: found nan among its weights with batch norm, expected "
      "finite numbers",
      error);
}

TEST_CASE("session: keys that are read, where the network's type says that it has them") {
  using of_any = small_cnn<11, gate<runtime, at<1, 2>>, backend::reference, float>;
  using of_read = small_cnn<11, gate<reading, at<1, 2>>, backend::reference, float>;
  using of_factors = small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>;
  const auto held = std::make_unique<trained<of_any>>(injector_kind::reading);
  const std::vector<std::byte> made = infer::make_image<float>(held->model, 10);
  block image(made.size()), memory(infer::session<of_any>::memory_bytes);
  std::copy(made.begin(), made.end(), image.span().begin());
  infer::session<of_any> any;
  CHECK(any.open(image.span(), memory.span()) == status::ok);
  infer::session<of_read> read;
  CHECK(read.open(image.span(), memory.span()) == status::ok);
  infer::session<of_factors> factors;
  CHECK(factors.open(image.span(), memory.span()) == status::image_model);
}

TEST_CASE("session: an image or a memory that does not fit is refused by name") {
  opened o;
  REQUIRE(o.open() == status::ok);
  CHECK(o.session.classes() == 10);
  CHECK(o.session.open(o.image.span().first(o.made.size() - 1), o.memory.span()) == status::image_size);
  CHECK(o.session.open({}, o.memory.span()) == status::image_size);
  block shifted(o.made.size() + 1);
  std::copy(o.made.begin(), o.made.end(), shifted.span().begin() + 1);
  CHECK(o.session.open(shifted.span().subspan(1), o.memory.span()) == status::image_alignment);
  CHECK(o.changed([](auto& h) { h.magic[7] = '2'; }) == status::image_format);
  CHECK(o.changed([](auto& h) { h.payload += 1; }) == status::image_format);
  for (const std::uint32_t unknown : {4U, 3U, 129U << 16U | 3U, 64U << 16U | 2U, 0x200U | 2U})
    CHECK(o.changed([&](auto& h) { h.injector = unknown; }) == status::image_format);
  CHECK(o.changed([](auto& h) { h.model[0] = 'x'; }) == status::image_model);
  CHECK(o.changed([](auto& h) { h.softmax = 10; }) == status::image_model);
  CHECK(o.changed([](auto& h) { h.classes = 9; }) == status::image_model);
  CHECK(o.changed([](auto& h) { h.aux = 1; }) == status::image_model);
  CHECK(o.changed([](auto& h) { h.weights = 0; }) == status::image_weights);
  CHECK(o.changed([](auto& h) { h.sites |= 1U; }) == status::image_sites);
  CHECK(o.changed([](auto& h) { h.sites |= 1U << 9; }) == status::image_sites);
  CHECK(o.changed([](auto& h) { h.gamma = 2; }) == status::image_checksum);
  const auto pixels = [](std::uint32_t channels, float mean, float deviation) {
    return [=](auto& h) { h.pixels = {channels, {mean}, {deviation}}; };
  };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(),
                  infinite = std::numeric_limits<float>::infinity();
  CHECK(o.changed(pixels(1, 0.5F, 0.25F)) == status::image_checksum);
  CHECK(o.changed(pixels(2, 0.5F, 0.25F)) == status::image_format);
  CHECK(o.changed(pixels(5, 0.5F, 0.25F)) == status::image_format);
  for (const float wrong : {nan, infinite, -infinite}) {
    CHECK(o.changed(pixels(1, wrong, 0.25F)) == status::image_format);
    CHECK(o.changed(pixels(1, 0.5F, wrong)) == status::image_format);
  }
  for (const float wrong : {0.0F, -0.0F, -1.0F})
    CHECK(o.changed(pixels(1, 0.5F, wrong)) == status::image_format);
  for (const std::size_t at : {sizeof(infer::image_header), o.made.size() / 2, o.made.size() - 1}) {
    o.image.span()[at] ^= std::byte{0x10};
    CHECK(o.open() == status::image_checksum);
    o.image.span()[at] ^= std::byte{0x10};
  }
  CHECK(o.session.open(o.image.span(), o.memory.span().first(small_session::memory_bytes - 1)) ==
        status::memory_size);
  block odd(small_session::memory_bytes + 4);
  CHECK(o.session.open(o.image.span(), odd.span().subspan(4)) == status::memory_alignment);
  infer::answer<small> answer;
  CHECK(o.session.run_normalised(o.network->input, answer) == status::not_open);  // the last open failed
  CHECK(o.session.bind({}) == status::not_open);
}

TEST_CASE("session: a key that does not fit is refused and the one before it stays bound") {
  opened o;
  REQUIRE(o.open() == status::ok);
  const std::array<std::span<const float>, 2> keys = {o.network->keys[1], o.network->keys[2]};
  REQUIRE(o.session.bind(keys) == status::ok);
  infer::answer<small> before, after;
  REQUIRE(o.session.run_normalised(o.network->input, before) == status::ok);
  const std::array<std::span<const float>, 3> all = {o.network->keys[0], keys[0], keys[1]};
  CHECK(o.session.bind(std::span(keys).first(1)) == status::key_site);
  CHECK(o.session.bind(std::span(all).last(0)) == status::key_site);
  const std::array<std::span<const float>, 3> many = {keys[0], keys[1], keys[1]};
  CHECK(o.session.bind(many) == status::key_site);
  const std::array<std::span<const float>, 2> swapped = {keys[1], keys[0]}, cut = {keys[0], keys[1].first(5)};
  CHECK(o.session.bind(swapped) == status::key_size);
  CHECK(o.session.bind(cut) == status::key_size);
  REQUIRE(o.session.run_normalised(o.network->input, after) == status::ok);
  CHECK(after.key == infer::key_state::bound);
  CHECK(after.logits == before.logits);
}

TEST_CASE("session: bytes are normalised as the image says, and refused where it says nothing") {
  using everywhere = small_cnn<11, gate<runtime, at<0, 1, 2>>, backend::reference, float>;
  const auto network = std::make_unique<trained<everywhere>>(injector_kind::multiplicative);
  const std::array<float, 1> mean = {0.1307F}, deviation = {0.3081F};
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(everywhere::input::size));
  std::vector<float> x(pixels.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>(i * 37 % 256);
    x[i] = (static_cast<float>(pixels[i]) / 255.0F - mean[0]) / deviation[0];
  }
  using session_type = infer::session<everywhere>;
  block image(session_type::image_bytes), memory(session_type::memory_bytes);
  const auto open = [&](session_type& session, const infer::pixel_normalisation& known) {
    const auto made = infer::make_image<float>(network->model, 10, known);
    std::copy(made.begin(), made.end(), image.span().begin());
    REQUIRE(session.open(image.span(), memory.span()) == status::ok);
  };
  session_type session;
  infer::answer<everywhere> of_bytes, of_numbers;
  CHECK(session.run(pixels, of_bytes) == status::not_open);
  open(session, infer::pixels_of(mean, deviation));
  CHECK(session.run(std::span(pixels).first(783), of_bytes) == status::input_size);
  CHECK(session.run_normalised(std::span(x).first(783), of_numbers) == status::input_size);
  CHECK(session.run_normalised({}, of_numbers) == status::input_size);
  const std::array<std::span<const float>, 3> keys = {network->keys[0], network->keys[1], network->keys[2]};
  for (const bool keyed : {false, true}) {
    if (keyed) REQUIRE(session.bind(keys) == status::ok);
    REQUIRE(session.run(pixels, of_bytes) == status::ok);
    REQUIRE(session.run_normalised(x, of_numbers) == status::ok);
    CHECK(of_bytes.logits == of_numbers.logits);
    CHECK(of_bytes.key == (keyed ? infer::key_state::bound : infer::key_state::none));
  }
  open(session, {});
  CHECK(session.run(pixels, of_bytes) == status::image_pixels);
  CHECK(session.run_normalised(x, of_numbers) == status::ok);
}

TEST_CASE("make_image: constants of the pixels that normalise nothing are refused") {
  opened o;
  const std::vector<float> none, two = {0.5F, 0.5F}, five(5, 0.5F), zero = {0.0F}, one = {0.5F};
  const std::vector<float> nan = {std::numeric_limits<float>::quiet_NaN()};
  const auto refused = [](const std::vector<float>& mean, const std::vector<float>& deviation) {
    CHECK_THROWS_AS((void)infer::pixels_of(mean, deviation), error);
  };
  refused(none, none), refused(five, five), refused(two, one), refused(one, zero), refused(nan, one),
      refused(one, nan);
  CHECK_THROWS_WITH_AS(infer::make_image<std::int8_t>(o.network->model, 10, infer::pixels_of(two, two)),
                       "[spankey.infer.110] make_image: found constants of 2 channels, expected those of C=1",
                       error);
}

TEST_CASE("session: binds a key file as it binds the key, and refuses every other file by name") {
  opened o;
  const auto site_keys = [&](std::initializer_list<int> numbers) {
    std::vector<site_key> key;
    for (const int n : numbers) {
      const auto& values = o.network->keys[static_cast<std::size_t>(n)];
      key.push_back({{n, small::sites[static_cast<std::size_t>(n)]}, {values.begin(), values.end()}});
    }
    return key;
  };
  const std::uint64_t network = infer::fingerprint_of(o.network->model);
  const auto file = key_file_bytes(network, 3, site_keys({1, 2}));
  CHECK(o.session.bind_file(file) == status::not_open);
  REQUIRE(o.open() == status::ok);
  const std::array<std::span<const float>, 2> keys = {o.network->keys[1], o.network->keys[2]};
  infer::answer<small> expected, found;
  REQUIRE(o.session.bind(keys) == status::ok);
  REQUIRE(o.session.run_normalised(o.network->input, expected) == status::ok);
  for (const std::size_t shift : {0U, 1U, 3U}) {  // at any alignment
    std::vector<std::byte> moved(shift);
    moved.insert(moved.end(), file.begin(), file.end());
    o.session.wipe_key();
    REQUIRE(o.session.bind_file(std::span(moved).subspan(shift)) == status::ok);
    std::fill(moved.begin(), moved.end(), std::byte{0});  // it need not stay
    REQUIRE(o.session.run_normalised(o.network->input, found) == status::ok);
    CHECK(found.key == infer::key_state::bound);
    CHECK(found.logits == expected.logits);
  }

  const auto refused = [&](std::span<const std::byte> bytes, status why) {
    CHECK(o.session.bind_file(bytes) == why);
    REQUIRE(o.session.run_normalised(o.network->input, found) == status::ok);
    CHECK(found.logits == expected.logits);  // the key before it stays bound
  };
  refused(std::as_bytes(keys[0]), status::key_format);
  refused({}, status::key_format);
  refused(std::span(file).first(file.size() - 1), status::key_damaged);
  std::vector<std::byte> other(file.begin(), file.end());
  other[200] ^= std::byte{4};
  refused(other, status::key_damaged);
  other[200] ^= std::byte{4}, other[8] = std::byte{2};
  refused(other, status::key_version);
  refused(key_file_bytes(network ^ 1U, 3, site_keys({1, 2})), status::key_network);
  refused(key_file_bytes(network, 3, site_keys({1})), status::key_site);
  refused(key_file_bytes(network, 3, site_keys({0, 1, 2})), status::key_site);
  auto turned = site_keys({1, 2});
  std::swap(turned[1].at.shape.channels, turned[1].at.shape.height);
  refused(key_file_bytes(network, 3, turned), status::key_site);

  // An image that is older than key files says nothing of its network: raw numbers only.
  CHECK(o.changed([](auto& h) { h.network = 0; }) == status::image_checksum);
  infer::image_header header;
  std::memcpy(&header, o.made.data(), sizeof header);
  header.network = 0;
  std::memcpy(o.image.span().data(), &header, sizeof header);
  header.checksum = infer::checksum_of_image(o.image.span().data(), o.made.size());
  std::memcpy(o.image.span().data(), &header, sizeof header);
  REQUIRE(o.open() == status::ok);
  CHECK(o.session.bind_file(file) == status::key_network);
  CHECK(o.session.bind_file(key_file_bytes(0, 3, site_keys({1, 2}))) == status::key_network);
  CHECK(o.session.bind(keys) == status::ok);
}

TEST_CASE("fingerprint: that of the trained network, whatever it is made into") {
  using network = small_cnn<11, gate<runtime, at<1, 2>>, backend::reference, float>;
  trained<network> one(injector_kind::multiplicative);
  const std::uint64_t first = infer::fingerprint_of(one.model);
  CHECK(first != 0);
  const auto in_image = [](const std::vector<std::byte>& image) {
    infer::image_header header;
    std::memcpy(&header, image.data(), sizeof header);
    return header.network;
  };
  CHECK(in_image(infer::make_image<float>(one.model, 10)) == first);
  CHECK(in_image(infer::make_image<bf16>(one.model, 10)) == first);
  CHECK(in_image(infer::make_image<std::int8_t>(one.model, 10)) == first);
  trained<network> again(injector_kind::multiplicative);
  CHECK(infer::fingerprint_of(again.model) == first);

  set_injector(one.model, runtime{injector_kind::additive, 1.5F});
  CHECK(infer::fingerprint_of(one.model) != first);
  set_injector(one.model, runtime{injector_kind::multiplicative, 1.25F});
  CHECK(infer::fingerprint_of(one.model) != first);
  set_injector(one.model, runtime{injector_kind::multiplicative, 1.5F});
  CHECK(infer::fingerprint_of(one.model) == first);
  one.model.for_each_parameter([&](const scope&, auto& p) {
    const float kept = std::exchange(p.value.data[p.value.count - 1], 0.625F);
    CHECK(infer::fingerprint_of(one.model) != first);
    p.value.data[p.value.count - 1] = kept;
  });
  CHECK(infer::fingerprint_of(one.model) == first);
}

TEST_CASE("session: the memory is wiped when the session closes, opens again or goes out of scope") {
  opened o;
  const std::array<std::span<const float>, 2> keys = {o.network->keys[1], o.network->keys[2]};
  const auto all_zero = [&] {
    return std::ranges::all_of(o.memory.span(), [](std::byte b) { return b == std::byte{0}; });
  };
  {
    small_session inner;
    REQUIRE(inner.open(o.image.span(), o.memory.span()) == status::ok);
    REQUIRE(inner.bind(keys) == status::ok);
    CHECK_FALSE(all_zero());
  }
  CHECK(all_zero());
  REQUIRE(o.open() == status::ok);
  REQUIRE(o.session.bind(keys) == status::ok);
  REQUIRE(o.open() == status::ok);
  CHECK(o.session.key() == infer::key_state::none);
  CHECK(all_zero());
  REQUIRE(o.session.bind(keys) == status::ok);
  o.session.close();
  CHECK(all_zero());
}

TEST_CASE("session: refusals are those of the reject class, or of the reject logit") {
  // Equal weights: the biases decide.
  const auto answer_of = [](auto& model, std::initializer_list<float> biases) {
    using model_type = std::remove_cvref_t<decltype(model)>;
    arena memory(model, 1);
    auto bias = biases.begin();
    model.for_each_parameter([&](const scope& name, auto& p) {
      std::fill_n(p.value.data, p.value.count, 0.0F);
      if (name.str() == "fc3.bias" || name.str() == "fc_aux.bias")
        for (index_t i = 0; i < p.value.count; ++i) p.value.data[i] = *bias++;
    });
    model.planned().mark_written();
    const auto made = infer::make_image<float>(model, 2);
    block image(made.size()), working(infer::session<model_type>::memory_bytes);
    std::copy(made.begin(), made.end(), image.span().begin());
    infer::session<model_type> session;
    REQUIRE(session.open(image.span(), working.span()) == status::ok);
    infer::answer<model_type> answer;
    const std::array<float, 20> x{};
    REQUIRE(session.run_normalised(x, answer) == status::ok);
    return answer;
  };
  mlp<3, ungated, backend::reference, float> reject;
  CHECK(answer_of(reject, {1, 2, 3}).rejected);
  CHECK(answer_of(reject, {1, 2, 3}).semantic_class == 1);
  CHECK_FALSE(answer_of(reject, {3, 2, 1}).rejected);
  mlp<2, ungated, backend::reference, float> plain;
  CHECK_FALSE(answer_of(plain, {1, 2}).rejected);
  mlp<head_outputs(2, aux_logit::reject), ungated, backend::reference, float> beside;
  CHECK(answer_of(beside, {1, 2, 0.5F}).rejected);
  CHECK_FALSE(answer_of(beside, {1, 2, -0.5F}).rejected);
  CHECK(answer_of(beside, {2, 1, 0.5F}).semantic_class == 0);
}

TEST_CASE("session: small_cnn fits a microcontroller") {
  using everywhere = small_cnn<11, gate<multiplicative, at<0, 1, 2>>, backend::reference, float>;
  static_assert(infer::session<everywhere, std::int8_t>::memory_bytes <= 64 * 1024);
  static_assert(infer::session<everywhere, std::int8_t>::image_bytes <= 24 * 1024);
  MESSAGE("small_cnn, keys at 0,1,2: ", infer::session<everywhere>::memory_bytes, " bytes of memory, image ",
          infer::session<everywhere, float>::image_bytes, ", int8 ",
          infer::session<everywhere, std::int8_t>::image_bytes);
}

namespace {

// No cipher: takes what stands there, where the key's first byte is the nonce's.
struct open_door {
  bool operator()(std::span<const std::byte> sealed, std::span<const std::byte>,
                  std::span<const std::byte> key, std::span<std::byte> out) const {
    if (key.front() != sealed.front()) return false;
    std::copy_n(sealed.begin() + sealed_key_file::nonce_bytes, out.size(), out.begin());
    return true;
  }
};

std::vector<std::byte> as_sealed(std::span<const std::byte> payload, sealed_key_header header) {
  header.bytes = payload.size() + sealed_key_file::overhead;
  std::vector<std::byte> file(header.bytes);
  std::memcpy(file.data(), &header, sizeof header);
  file[sizeof header] = std::byte{1};
  std::copy(payload.begin(), payload.end(), file.begin() + sizeof header + sealed_key_file::nonce_bytes);
  const std::uint64_t checksum = word_checksum(file.data(), file.size() - 8);
  std::memcpy(file.data() + file.size() - 8, &checksum, sizeof checksum);
  return file;
}

}  // namespace

TEST_CASE(
    "session: binds a sealed key as it binds the key, wipes its room, and refuses every other one by name") {
  opened o;
  std::vector<site_key> key;
  for (const int n : {1, 2}) {
    const auto& values = o.network->keys[static_cast<std::size_t>(n)];
    key.push_back({{n, small::sites[static_cast<std::size_t>(n)]}, {values.begin(), values.end()}});
  }
  const std::uint64_t network = infer::fingerprint_of(o.network->model);
  const auto plain = key_file_bytes(network, 3, key);
  const sealed_key_header terms{
      .network = network, .serial = 3, .generation = 2, .issued = 20000, .expires = 20100};
  const std::vector<std::byte> file = as_sealed(plain, terms), own(32, std::byte{1}), other(32, std::byte{2});
  std::vector<std::byte> room(plain.size());
  const auto wiped = [&] {
    return std::all_of(room.begin(), room.end(), [](std::byte b) { return b == std::byte{0}; });
  };
  const auto bind = [&](std::span<const std::byte> bytes, std::span<const std::byte> with,
                        day_number today = 0, std::uint32_t generation = 0) {
    std::fill(room.begin(), room.end(), std::byte{7});
    return o.session.bind_file(
        {.file = bytes, .key = with, .room = room, .today = today, .least_generation = generation},
        open_door());
  };
  CHECK(bind(file, own) == status::not_open);
  REQUIRE(o.open() == status::ok);
  const std::array<std::span<const float>, 2> keys = {o.network->keys[1], o.network->keys[2]};
  infer::answer<small> expected, found;
  REQUIRE(o.session.bind(keys) == status::ok);
  REQUIRE(o.session.run_normalised(o.network->input, expected) == status::ok);
  o.session.wipe_key();
  REQUIRE(bind(file, own, 20100, 2) == status::ok);
  CHECK(wiped());
  REQUIRE(o.session.run_normalised(o.network->input, found) == status::ok);
  CHECK(found.key == infer::key_state::bound);
  CHECK(found.logits == expected.logits);

  const auto refused = [&](status said, status why) {
    CHECK(said == why);
    CHECK(wiped());
    REQUIRE(o.session.run_normalised(o.network->input, found) == status::ok);
    CHECK(found.logits == expected.logits);  // the key before it stays bound
  };
  refused(bind(file, other), status::key_sealed);
  refused(bind(plain, own), status::key_format);
  refused(bind(std::span(file).first(file.size() - 4), own), status::key_damaged);
  refused(bind(file, own, 20101), status::key_expired);
  refused(bind(file, own, 19000), status::key_expired);
  refused(bind(file, own, 0, 3), status::key_generation);
  sealed_key_header changed = terms;
  changed.network ^= 1;
  refused(bind(as_sealed(plain, changed), own), status::key_network);
  // What a header promises its payload does not hold.
  refused(bind(as_sealed(key_file_bytes(network ^ 1, 3, key), terms), own), status::key_network);
  refused(bind(as_sealed(std::span(plain).first(plain.size() - 4), terms), own), status::key_damaged);
  changed = terms, changed.payload = key_payload::master;
  refused(bind(as_sealed(std::span(plain).first(32), changed), own), status::key_version);
  room.resize(plain.size() - 1);
  refused(bind(file, own), status::key_room);
  // Sealed, it is no key yet, and no other file.
  CHECK(o.session.bind_file(file) == status::key_sealed);

  std::vector<std::byte> listed(revocation_list::bytes_of(1));
  const revocation_list_header list_header{.count = 1, .network = network, .bytes = listed.size()};
  std::memcpy(listed.data(), &list_header, sizeof list_header);
  listed[sizeof list_header] = std::byte{3};
  const std::uint64_t checksum = word_checksum(listed.data(), listed.size() - 8);
  std::memcpy(listed.data() + listed.size() - 8, &checksum, sizeof checksum);
  revocation_list revoked;
  REQUIRE(revoked.read(listed) == revocation_list_state::ok);
  room.resize(plain.size());
  CHECK(o.session.bind_file({.file = file, .key = own, .room = room, .revoked = &revoked}, open_door()) ==
        status::key_revoked);
}
