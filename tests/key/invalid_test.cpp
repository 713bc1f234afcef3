#include "spankey/key/invalid.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace spankey;

namespace {
subspace drawn(const extents& e, index_t m) {
  return subspace(e, m, draw_basis(basis_kind::uniform, m, e.size(), random_source(5, stream::basis)));
}
const random_source source(31, stream::invalid_keys, 4);
}  // namespace

TEST_CASE("gaussian keys: element (sample, file position) is number base + sample*row + position") {
  // Below, at and above one block; several channels, one channel, one position.
  for (const extents e :
       {extents{5, 3, 4}, extents{16, 16, 16}, extents{9, 31, 17}, extents{1, 80, 70}, extents{6000}}) {
    const index_t d = e.size(), n = 3;
    const number_range range{std::uint64_t{2} << 40, d + 13};
    std::vector<float> k(static_cast<std::size_t>(n * d));
    draw_gaussian_keys(e, source, range, n, k.data());
    bool same = true;
    for (index_t s = 0; s < n; ++s) {
      for (index_t i = 0; i < d; ++i) {
        const double expected =
            source.gaussian(range.base + static_cast<std::uint64_t>(s * range.row + file_index(e, i)));
        same = same && k[static_cast<std::size_t>(s * d + i)] == static_cast<float>(expected);
      }
    }
    CHECK(same);
  }
}

TEST_CASE("orthogonal keys are the gaussian ones without their part in the span") {
  const extents e{3, 16, 16};
  const index_t n = 4, d = e.size();
  const auto span = drawn(e, 32);
  secret_vector<float> scratch;
  std::vector<float> gaussian(static_cast<std::size_t>(n * d)), orthogonal(gaussian.size());
  draw_invalid_keys(invalid_family::gaussian, span, source, {0, d}, n, gaussian.data(), scratch);
  draw_invalid_keys(invalid_family::orthogonal, span, source, {0, d}, n, orthogonal.data(), scratch);
  for (index_t s = 0; s < n; ++s) {
    CHECK(span.energy_share(gaussian.data() + s * d) > 0.01);
    CHECK(span.energy_share(orthogonal.data() + s * d) < 1e-11);
  }
  span.project_out(gaussian.data(), n);
  CHECK(gaussian == orthogonal);
}

TEST_CASE("nothing is orthogonal to the whole space") {
  const auto span = drawn(extents{6}, 6);
  secret_vector<float> scratch;
  std::vector<float> k(6, 7.0F);
  CHECK_THROWS_WITH(draw_orthogonal_keys(span, source, {0, 6}, 1, k.data(), scratch),
                    doctest::Contains("[spankey.key.114]"));
  CHECK(k == std::vector<float>(6, 7.0F));
}

TEST_CASE("names of families") {
  CHECK(parse_invalid("orthogonal") == invalid_family::orthogonal);
  CHECK(name_of(invalid_family::gaussian) == "gaussian");
  CHECK_THROWS_WITH(parse_invalid("zero"), doctest::Contains("[spankey.key.104]"));
}
