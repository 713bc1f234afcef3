#include "spankey/inject/gated.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/inject/runtime.hpp"

using namespace spankey;

namespace {
using image = shape<3, 2, 2>;
template <class P, class Sites = at<0>>
using site_of = gated<image, gate<P, Sites>, 0, backend::reference, double>;

// A user's own policy: y = x + gamma x k^2.
struct quadratic {
  double gamma = 0.5;
  template <class T>
  T forward(T x, T k) const {
    return x + static_cast<T>(gamma) * x * k * k;
  }
  template <class T>
  injector_gradient<T> backward(T x, T k, T dy) const {
    return {dy * (T(1) + static_cast<T>(gamma) * k * k), dy * x * T(2) * static_cast<T>(gamma) * k};
  }
};

enum class key_kind { absent, shared, per_sample };

// A site and its keys as one layer. The gradient of a shared key is the sum over its samples.
template <class P>
class keyed_site {
 public:
  using input = image;
  using output = image;

  site_of<P> site;

  void set_keys(const std::vector<key_kind>& kinds, index_t samples_of_group, double reach) {
    for (std::size_t g = 0; g < kinds.size(); ++g) {
      if (kinds[g] == key_kind::absent) continue;
      const index_t rows = kinds[g] == key_kind::shared ? 1 : samples_of_group;
      keys_[g] = test::numbers_off_zero(rows * image::size, 70 + g, 0.05);
      for (double& k : keys_[g]) k *= reach;
      sites_.group[g] = {keys_[g], kinds[g] == key_kind::shared ? 0 : image::size};
      rows_[g].assign(static_cast<std::size_t>(samples_of_group * image::size), 0.0);
      sites_.gradient[g] = rows_[g];
    }
  }

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    site.for_each_buffer(visit, at, samples);
  }
  batch_view<const double, image> forward(const pass& p, batch_view<const double, image> x) {
    pass now = p;
    return site.forward(now, x, sites_);
  }
  void backward(const pass& p, batch_view<double, image> dy) {
    for (auto& rows : rows_) std::fill(rows.begin(), rows.end(), 1e9);  // backward overwrites
    pass now = p;
    site.backward(now, dy);
  }
  template <class F>
  void for_each_key(F&& f) {
    for (std::size_t g = 0; g < max_groups; ++g) {
      if (keys_[g].empty()) continue;
      std::vector<double> gradient(keys_[g].size(), 0.0);
      for (std::size_t i = 0; i < rows_[g].size(); ++i) gradient[i % gradient.size()] += rows_[g][i];
      f("key of group " + std::to_string(g), std::span<double>(keys_[g]), gradient);
    }
  }
  const site_keys<double>& keys() const { return sites_; }

 private:
  site_keys<double> sites_;
  std::array<std::vector<double>, max_groups> keys_, rows_;
};

template <class P>
void check(const P& policy, const std::vector<key_kind>& kinds, double reach = 1) {
  const index_t groups = static_cast<index_t>(kinds.size());
  test::layer_probe<keyed_site<P>> probe(2 * groups, {.groups = groups, .training = true},
                                         [&](keyed_site<P>& layer) {
                                           layer.site.injector = policy;
                                           layer.set_keys(kinds, 2, reach);
                                         });
  test::check_layer(probe);
}

template <class P>
void check_arrangements(const P& policy) {
  using enum key_kind;
  check(policy, {per_sample});
  check(policy, {shared});
  check(policy, {per_sample, shared});
  check(policy, {per_sample, shared, absent});
  check(policy, {absent, per_sample, absent});
  check(policy, {per_sample, per_sample, per_sample});
}
}  // namespace

TEST_CASE("gated: gradients to x and to every group's key, for keys per sample, shared and absent") {
  SUBCASE("additive") { check_arrangements(additive{1.5F}); }
  SUBCASE("multiplicative, inside the clamp") { check_arrangements(multiplicative{0.5F}); }
  SUBCASE("multiplicative, both bounds reached") {
    // 1 + 2 tanh k passes 2 at k = 0.549 and 0.1 at k = -0.485; keys reach 1.05.
    check_arrangements(multiplicative{2.0F});
  }
  SUBCASE("runtime additive") { check_arrangements(runtime{injector_kind::additive, 0.75F}); }
  SUBCASE("runtime multiplicative") { check_arrangements(runtime{injector_kind::multiplicative, 2.0F}); }
  SUBCASE("a user's policy") { check_arrangements(quadratic{}); }
}

TEST_CASE("gated: key gradients are 0 outside the clamp and not inside it") {
  using layer_type = gated<shape<4>, gate<multiplicative, at<0>>, 0, backend::reference, double>;
  layer_type layer;
  layer.injector.gamma = 2;
  arena memory(layer, 1);
  const std::vector<double> x = {1, 2, 3, 4}, key = {3, -3, 0.1, -0.1};
  std::vector<double> dkey(4, 5.0), dy = {1, 1, 1, 1};
  site_keys<double> keys;
  keys.group[0] = {key, 4};
  keys.gradient[0] = dkey;
  pass p{.groups = 1, .training = true};
  const auto y = layer.forward(p, {x.data(), 1}, keys);
  CHECK(y(0, 0) == doctest::Approx(2.0));
  CHECK(y(0, 1) == doctest::Approx(0.2));
  CHECK(y(0, 2) == doctest::Approx(3 * (1 + 2 * std::tanh(0.1))));
  layer.backward(p, {dy.data(), 1});
  CHECK(dy[0] == doctest::Approx(2.0));
  CHECK(dy[1] == doctest::Approx(0.1));
  CHECK(dkey[0] == 0);
  CHECK(dkey[1] == 0);
  CHECK(dkey[2] == doctest::Approx(3 * 2 * (1 - std::pow(std::tanh(0.1), 2))));
  CHECK(dkey[3] == doctest::Approx(4 * 2 * (1 - std::pow(std::tanh(0.1), 2))));
}

TEST_CASE("gated: a group without a key keeps its values beside keyed groups, bit for bit") {
  using enum key_kind;
  test::layer_probe<keyed_site<additive>> probe(6, {.groups = 3, .training = true},
                                                [](keyed_site<additive>& layer) {
                                                  layer.site.injector.gamma = 1;
                                                  layer.set_keys({absent, per_sample, absent}, 2, 1);
                                                });
  const auto y = probe.forward();
  const std::vector<double>& x = probe.x();
  const double* factor = probe.upstream.factor.value.data;
  for (index_t n = 0; n < 6; ++n)
    for (index_t i = 0; i < image::size; ++i) {
      const double before = factor[i] * x[static_cast<std::size_t>(n * image::size + i)];
      CHECK((y.sample(n)[i] == before) == (n / 2 != 1));
    }
}

TEST_CASE("gated: where nothing is keyed, x passes through at the same address and dy is untouched") {
  const std::vector<double> x = test::numbers(2 * image::size, 1), key = test::numbers(2 * image::size, 2);
  const std::vector<double> r = test::numbers(2 * image::size, 3);
  const batch_view<const double, image> input{x.data(), 2};
  std::vector<double> dkey(key.size(), 5.0), dy = r;
  site_keys<double> keyed;
  keyed.group[0] = {key, image::size};
  keyed.gradient[0] = dkey;

  const auto check_untouched = [&](auto& layer, const site_keys<double>& keys) {
    pass p;
    arena memory(layer, 2);
    CHECK(layer.forward(p, input, keys).data() == x.data());
    CHECK_FALSE(layer.wants_key_gradient());
    layer.backward(p, {dy.data(), 2});
    CHECK(dy == r);
    CHECK(dkey == std::vector<double>(key.size(), 5.0));
  };
  SUBCASE("no keys") {
    site_of<additive> layer;
    check_untouched(layer, {});
  }
  SUBCASE("a key of a group that this pass does not have") {
    site_of<additive> layer;
    site_keys<double> later = keyed;
    std::swap(later.group[0], later.group[1]);
    check_untouched(layer, later);
  }
  SUBCASE("the site is off at run time") {
    site_of<additive> layer;
    layer.enabled = false;
    check_untouched(layer, keyed);
  }
  SUBCASE("the site is not among the template's") {
    site_of<additive, at<1, 3>> layer;
    check_untouched(layer, keyed);
  }
  SUBCASE("an ungated model") {
    gated<image, ungated, 0, backend::reference, double> layer;
    check_untouched(layer, keyed);
  }
}

TEST_CASE("gated: memory is one activation where the site is on, nothing where it is off") {
  site_of<additive> on, off;
  off.enabled = false;
  site_of<additive, at<1>> absent;
  CHECK(plan_memory(on, 4).bytes() == memory_plan::padded(4 * image::size * sizeof(double)));
  CHECK(plan_memory(off, 4).bytes() == 0);
  CHECK(plan_memory(absent, 4).bytes() == 0);
  CHECK(plan_memory(absent, 4).entries().empty());
}

TEST_CASE("gated: the key gradient is asked for by a pointer; none is written without one") {
  const std::vector<double> x = test::numbers(image::size, 1), key = test::numbers(image::size, 2);
  site_of<additive> layer;
  layer.injector.gamma = 1;
  pass p;
  arena memory(layer, 1);
  site_keys<double> keys;
  keys.group[0] = {key, image::size};
  layer.forward(p, {x.data(), 1}, keys);
  CHECK_FALSE(layer.wants_key_gradient());
  std::vector<double> dy(image::size, 1.0), dkey(image::size, 5.0);
  layer.backward(p, {dy.data(), 1});
  keys.gradient[0] = dkey;
  layer.forward(p, {x.data(), 1}, keys);
  CHECK(layer.wants_key_gradient());
  layer.backward(p, {dy.data(), 1});
  CHECK(dkey == std::vector<double>(image::size, 1.0));
}

TEST_CASE("gated: none and runtime none leave x as it is; none costs nothing") {
  const std::vector<double> x = test::numbers(image::size, 1), key = test::numbers(image::size, 2);
  const auto check_none = [&](auto& layer, double key_gradient) {
    pass p;
    arena memory(layer, 1);
    std::vector<double> dkey(image::size, 5.0), dy = test::numbers(image::size, 3);
    const std::vector<double> kept = dy;
    site_keys<double> keys;
    keys.group[0] = {key, image::size};
    keys.gradient[0] = dkey;
    const auto y = layer.forward(p, {x.data(), 1}, keys);
    CHECK(std::equal(x.begin(), x.end(), y.data()));
    layer.backward(p, {dy.data(), 1});
    CHECK(dy == kept);
    CHECK(dkey == std::vector<double>(image::size, key_gradient));
  };
  site_of<none> fixed;
  check_none(fixed, 5.0);  // nothing runs, so nothing is written
  CHECK(plan_memory(fixed, 4).bytes() == 0);
  site_of<runtime> chosen;
  check_none(chosen, 0.0);
}
