// Costs 25 s to compile and nothing to run.
#include "spankey/release/locked_release.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "release/small_gpt.hpp"

using namespace spankey;
using spankey_test::small_backend;
using spankey_test::small_gpt;

namespace {

using scheme_model = released_model<small_backend>;
static_assert(ReleaseScheme<entangled_release, scheme_model>);
static_assert(ReleaseScheme<masked_release, scheme_model>);

std::vector<float> numbers_of(scheme_model& model) {
  std::vector<float> all;
  model.for_each_parameter(
      [&](const scope&, auto& p) { all.insert(all.end(), p.value.data, p.value.data + p.dims.size()); });
  return all;
}

}  // namespace

TEST_CASE("what is handed out is the locked network, and the network stays as it was") {
  small_gpt held;
  const std::vector<float> before = numbers_of(held.model);
  const weight_release open = identity_release{}.release(held.network(), {}, 0);
  const weight_release entangled = entangled_release{}.release(held.network(), {}, 5);
  const weight_release masked = masked_release{}.release(held.network(), {}, 5);
  CHECK(numbers_of(held.model) == before);
  for (const weight_release* r : {&entangled, &masked}) {
    CHECK(r->mlps.empty());
    CHECK(r->tensors.size() == open.tensors.size());
    CHECK(r->tensors.at("wte.weight").values == open.tensors.at("wte.weight").values);
    CHECK(r->tensors.at("h.0.mlp.c_fc.weight").values != open.tensors.at("h.0.mlp.c_fc.weight").values);
    // It is a release as any other: without the key it answers, and otherwise.
    released_session<small_backend> session(held.list, *r), own(held.list, open);
    double most = 0;
    for (const index_t token : {1, 2, 3}) {
      const auto z = session.read(token), y = own.read(token);
      for (std::size_t i = 0; i < z.size(); ++i)
        most = std::max(most, std::abs(static_cast<double>(z[i]) - static_cast<double>(y[i])));
    }
    CHECK(most > 0.05);
  }
  for (const float x : masked.tensors.at("h.1.mlp.c_proj.weight").values) CHECK(x == 0);
  CHECK(masked.tensors.at("h.1.attn.c_attn.weight").values ==
        open.tensors.at("h.1.attn.c_attn.weight").values);
  CHECK(entangled.tensors.at("h.1.attn.c_attn.weight").values !=
        open.tensors.at("h.1.attn.c_attn.weight").values);
  CHECK(key_of_coins(5) == key_of_coins(5));
  CHECK(!(key_of_coins(5) == key_of_coins(6)));
}
