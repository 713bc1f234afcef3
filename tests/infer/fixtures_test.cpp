// Files of every version that was ever written are read for ever, and mean what they meant: tests/fixtures/VERSION.
//
// run/ is a training of the linear task (mlp, multiplicative keys at site 0, mode B), the images and the raw key are what
// `convert` made of it then. The logits were written down with them. program/fixtures_test.py reads the rest of the folder.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/key/issued_key.hpp"
#include "spankey/model/mlp.hpp"

using namespace spankey;
using test::block;

namespace {

using network = mlp<6, gate<multiplicative, at<0>>, backend::reference, float>;
const std::string folder = SPANKEY_FIXTURES "/0.1.0/";

std::vector<std::byte> bytes_of(const std::string& name) {
  std::ifstream file(folder + name, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), name);
  const std::vector<char> read{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(read.size());
  std::memcpy(bytes.data(), read.data(), read.size());
  return bytes;
}

std::vector<float> raw_key() {
  const std::vector<std::byte> bytes = bytes_of("raw.key");
  std::vector<float> key(bytes.size() / sizeof(float));
  std::memcpy(key.data(), bytes.data(), bytes.size());
  return key;
}

// Of the third test sample of seed 11.
const std::array<float, 6> logits_without_key = {-2.30159F, 1.54145F,  -0.13322F,
                                                 -0.64653F, -0.04329F, 0.45089F};
const std::array<float, 6> logits_with_key = {-3.48058F, 3.55947F, -0.63357F, -1.29602F, -0.03940F, 0.53403F};

void check_logits(const float* found, const std::array<float, 6>& expected, double tolerance) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(found[i] - expected[i]) <= tolerance);
  }
}

template <class Weight>
void check_image(const std::string& name, double tolerance) {
  CAPTURE(name);
  using session_type = infer::session<network, Weight>;
  const std::vector<std::byte> file = bytes_of(name);
  block image{file.size()}, memory{session_type::memory_bytes};
  std::copy(file.begin(), file.end(), image.span().begin());
  session_type session;
  REQUIRE(session.open(image.span(), memory.span()) == infer::status::ok);
  const feature_dataset data = make_linear_task(3, 11, split::test);
  infer::answer<network> answer;
  const std::span third(data.values.data() + 2 * network::input::size, std::size_t{network::input::size});
  REQUIRE(session.run_normalised(third, answer) == infer::status::ok);
  check_logits(answer.logits.data(), logits_without_key, tolerance);
  const std::vector<float> key = raw_key();
  REQUIRE(session.bind(std::array{std::span<const float>(key)}) == infer::status::ok);
  REQUIRE(session.run_normalised(third, answer) == infer::status::ok);
  check_logits(answer.logits.data(), logits_with_key, tolerance);
}

}  // namespace

TEST_CASE("fixtures: weight images of version 1") {
  check_image<float>("fp32.image", 1e-4);
  check_image<bf16>("bf16.image", 0.01);
  check_image<std::int8_t>("int8.image", 0.05);
}

TEST_CASE("fixtures: weights and key space of version 0.1.0") {
  const auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  const arena memory(*model, 1);
  load_weights(*model, folder + "run/weights.safetensors");
  key_space keys = load_key_space(folder + "run/key_space.safetensors");
  const std::vector<site_key> issued = issue_key(keys, 0);
  REQUIRE(issued.size() == 1);
  CHECK(issued[0].at.number == 0);
  const std::vector<float> key = raw_key();
  REQUIRE(issued[0].values.size() == key.size());
  for (std::size_t i = 0; i < key.size(); ++i)
    CHECK(issued[0].values[i] == doctest::Approx(key[i]).epsilon(1e-6));

  const feature_dataset data = make_linear_task(3, 11, split::test);
  const batch_view<const float, network::input> x(data.values.data() + 2 * network::input::size, 1);
  check_logits(model->forward(pass{}, x, {}).data(), logits_without_key, 1e-4);
}
