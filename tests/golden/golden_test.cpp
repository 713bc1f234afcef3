// What a seed has always meant, in bits: a run of last year must be the same run today.
//
// Every figure is the CRC-32 of bytes, or the bits of a number, as the first version had them. If one of these changes,
// every published seed, checkpoint and key of that kind changes its meaning: that needs a reason and a note for users, not
// a new figure here. Sums of training differ between kernel families, whose products have their own order of addition, and
// in the last digits between compilers; what is drawn does not.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/data/loader.hpp"
#include "spankey/file/checksum.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/loss/deny/sealed.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/resnet18.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;

namespace {

template <class T>
std::string bits_of(const std::vector<T>& values) {
  return crc32_text(crc32(std::as_bytes(std::span(values))));
}

template <template <head_outputs, class, class, class> class Model>
std::string first_weights() {
  auto model = std::make_unique<Model<11, ungated, backend::cpu, float>>();
  const arena memory(*model, 1);
  initialise(*model, 20);
  std::vector<float> all;
  model->for_each_parameter([&](const scope&, parameter<float>& p) {
    all.insert(all.end(), p.value.data, p.value.data + p.dims.size());
  });
  return bits_of(all);
}

/// Keys are sums of products, which a compiler may round once or twice.
struct either {
  const char *fused, *separate;
  friend bool operator==(const std::string& found, const either& e) {
    return found == e.fused || found == e.separate;
  }
  friend std::ostream& operator<<(std::ostream& out, const either& e) {
    return out << e.fused << " or " << e.separate;
  }
};

const std::vector<site> two_sites = {{1, {3, 5, 4}}, {4, {7, 2, 3}}};

// Three keys of a batch at both sites, from step 9 of seed 5.
template <class Draw>
std::string drawn_keys(const key_space_config& config, const Draw& draw) {
  key_space keys(config, two_sites);
  std::vector<float> all(3 * (60 + 42));
  const std::array<float*, 2> outputs = {all.data(), all.data() + 3 * 60};
  draw(keys, random_source(5, stream::coefficients, 9), outputs);
  return bits_of(all);
}
std::string valid_keys(const key_space_config& config) {
  return drawn_keys(config, [](key_space& keys, const random_source& source, std::span<float* const> out) {
    keys.draw_valid(source, 3, out);
  });
}
std::string invalid_keys(const invalid_rule& rule) {
  const key_space_config config{.subspace_dim = 4,
                                .rescale = rescale_kind::per_key,
                                .per_site_key = true,
                                .per_site_basis = true,
                                .seed = 3};
  return drawn_keys(config, [&](key_space& keys, const random_source& source, std::span<float* const> out) {
    keys.draw_invalid(rule, source, 3, out);
  });
}

}  // namespace

TEST_CASE("golden: random numbers of every law") {
  const random_source source(7, stream::weights, 3);
  std::vector<double> uniform, gaussian;
  std::vector<std::uint64_t> below;
  for (std::uint64_t i = 0; i < 100; ++i) {
    uniform.push_back(source.uniform(i));
    gaussian.push_back(source.gaussian(i));
    below.push_back(source.below(i, 1000));
  }
  CHECK(bits_of(uniform) == "a5a710e7");
  CHECK(bits_of(gaussian) == "8993ee8a");
  CHECK(bits_of(below) == "d395a06a");
}

TEST_CASE("golden: drawn data sets, and the order and augmentation of a batch") {
  const image_dataset glyphs = make_glyphs(40, 7, split::train);
  CHECK(bits_of(glyphs.pixels) == "961ecda8");
  CHECK(bits_of(make_glyphs(20, 7, split::test).pixels) == "59b0039a");
  const feature_dataset linear = make_linear_task(50, 7, split::train);
  CHECK(bits_of(linear.values) == "b105f9c6");
  // Labels of features were numbers of 32 bits when the figure was taken.
  CHECK(bits_of(std::vector<int>(linear.labels.begin(), linear.labels.end())) == "9886b782");

  loader<image_dataset> batches(
      glyphs, {.batch = 16, .seed = 7, .augment = {.pad = 4, .flip = true}, .last = last_batch::keep});
  std::vector<float> x(16 * 3072);
  std::vector<int> y(16);
  CHECK(batches.fill(2, 1, x.data(), y.data()) == 16);
  CHECK(bits_of(x) == "364570e3");
  CHECK(bits_of(y) == "eafbad62");
}

TEST_CASE("golden: the first weights of every network") {
  CHECK(first_weights<mlp>() == "8efb2d07");
  CHECK(first_weights<small_cnn>() == "516d07de");
  CHECK(first_weights<small_resnet>() == "01d7ed55");
  CHECK(first_weights<resnet18>() == "e349bbb6");
}

TEST_CASE("golden: a valid key of every law") {
  struct row {
    key_space_config config;
    either bits;
  };
  const row rows[] = {
      {{.subspace_dim = 4, .seed = 3}, {"d34134d8", "46da42ab"}},
      {{.subspace_dim = 4, .coefficients = coefficient_kind::gaussian, .seed = 3}, {"072f2996", "e56e5898"}},
      {{.subspace_dim = 4, .coefficients = coefficient_kind::sphere, .seed = 3}, {"8268ac34", "df2a1d31"}},
      {{.subspace_dim = 4, .offset = 1, .spread = 0.25, .seed = 3}, {"eea84c0e", "74646898"}},
      {{.subspace_dim = 4, .rescale = rescale_kind::per_key, .seed = 3}, {"048159a5", "6ec63c8e"}},
      {{.subspace_dim = 4, .key_std = 0, .seed = 3}, {"530ccdfb", "043cf331"}},
      {{.subspace_dim = 4, .per_site_key = true, .seed = 3}, {"021ff384", "7e1bb1d7"}},
      {{.subspace_dim = 4, .per_site_key = true, .per_site_basis = true, .seed = 3},
       {"00cc0918", "8529330f"}},
  };
  for (const row& r : rows) {
    CAPTURE(&r - rows);
    CHECK(valid_keys(r.config) == r.bits);
  }
}

// Its bases come from a decomposition whose last digits are the compiler's: the numbers, not their bits.
TEST_CASE("golden: a key of an orthonormal basis") {
  key_space keys({.subspace_dim = 4, .basis = basis_kind::orthonormal, .seed = 3}, {{1, {3, 5, 4}}});
  std::array<float, 60> key{};
  keys.draw_valid(random_source(5, stream::coefficients, 9), 1, std::array{key.data()});
  const std::array<float, 4> first = {0.282048F, 0.463432F, 1.33844F, 0.796085F};
  for (std::size_t i = 0; i < first.size(); ++i)
    CHECK(key[i * 17] == doctest::Approx(first[i]).epsilon(1e-4));
}

TEST_CASE("golden: an invalid key of every family") {
  struct row {
    invalid_rule rule;
    either bits;
  };
  const row rows[] = {
      {invalid_family::gaussian, {"0e41096d", "0e41096d"}},
      {invalid_family::orthogonal, {"af4642e3", "af4642e3"}},
      {invalid_family::norm_matched, {"0fd9e6c4", "0fd9e6c4"}},
      {{invalid_family::angle, 20}, {"174b85ff", "174b85ff"}},
      {invalid_family::permuted, {"7588c3a0", "158737da"}},
      {invalid_family::sign_flipped, {"d7e314de", "194e2d39"}},
      {invalid_family::negated, {"d4e9b04c", "1a4489ab"}},
      {{invalid_family::scaled, 2}, {"263c0ae7", "e8913300"}},
      {invalid_family::zero_mean, {"00c08e77", "f4efcf7f"}},
      {invalid_family::partial, {"46574b3e", "9bfa509f"}},
      {invalid_family::partial_gaussian, {"6bc9b8a5", "b664a304"}},
      {invalid_family::other_space, {"053299dc", "f11940b3"}},
      {invalid_family::other_site, {"ee1541e4", "24a82880"}},
      {invalid_family::zero, {"f6f14c03", "f6f14c03"}},
      {{invalid_family::constant, 1}, {"52667e67", "52667e67"}},
  };
  CHECK(std::size(rows) == invalid_names.size());
  for (const row& r : rows) {
    CAPTURE(std::string(name_of(r.rule.family)));
    CHECK(invalid_keys(r.rule) == r.bits);
  }
}

namespace {

struct three_losses {
  std::array<double, 3> loss{};
  void on_step(const step_record& r) { loss.at(r.step) = r.loss; }
  void on_epoch(const epoch_record&) {}
};

// An epoch of three steps of a gated network on noise.
template <class Scalar>
std::array<double, 3> losses_of_three_steps(isa family) {
  using network = small_cnn<sealed::outputs(10), gate<multiplicative, at<1, 2>>, backend::cpu, Scalar>;
  const isa before = active_isa();
  use_isa(family);
  image_dataset images{"noise", {1, 28, 28}, 10, {}, {}, {0.5F}, {0.25F}};
  const random_source noise(8, stream::glyphs);
  for (index_t i = 0; i < 24; ++i) images.labels.push_back(static_cast<std::uint8_t>(i % 10));
  for (std::uint64_t i = 0; i < 24 * 784; ++i)
    images.pixels.push_back(static_cast<std::uint8_t>(noise.below(i, 256)));
  auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  const objective<sealed> goal{
      .classes = 10, .weight = 1, .on = deny_on::wrong_and_none, .statistics = batch_statistics::joint};
  const arena memory(*model, goal.groups() * 8);
  initialise(*model, 1);
  key_space keys({.subspace_dim = 4, .rescale = rescale_kind::per_key, .seed = 7},
                 sites_of<network>(std::array{1, 2}));
  three_losses watcher;
  const training_options options{
      .epochs = 1,
      .batch = 8,
      .seed = 4,
      .rate = {.kind = schedule_kind::constant, .learning_rate = 0.01},
      .augment = {},
      .invalid_mixture = {{invalid_family::gaussian, 1}, {{invalid_family::angle, 45}, 1}}};
  trainer(*model, goal, &keys, images, options).run(watcher);
  use_isa(before);
  return watcher.loss;
}

template <class Scalar>
void check_losses(isa family, const std::array<double, 3>& expected, double tolerance) {
  CAPTURE(std::string(name_of(family)));
  const std::array<double, 3> found = losses_of_three_steps<Scalar>(family);
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(tolerance));
  }
}

}  // namespace

TEST_CASE("golden: the losses of three steps, on every kernel family of this processor") {
  for (const isa family : every_isa) {
    if (family > best_isa()) continue;
    check_losses<float>(family, {4.6153950, 12.4704896, 6.5387020}, 1e-6);
    // The families that multiply bf16 themselves add up in another order.
    check_losses<bf16>(family, {4.6151832, 12.4935442, 6.5481222}, family > isa::avx512 ? 1e-3 : 1e-5);
  }
}
