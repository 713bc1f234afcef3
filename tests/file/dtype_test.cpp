#include "spankey/file/dtype.hpp"

#include <doctest/doctest.h>

TEST_CASE("the table follows the enumeration, and names are found again") {
  for (std::size_t i = 0; i < spankey::dtypes.size(); ++i) {
    CHECK(static_cast<std::size_t>(spankey::dtypes[i].type) == i);
    CHECK(spankey::dtype_named(spankey::dtypes[i].name) == spankey::dtypes[i].type);
  }
  CHECK_FALSE(spankey::dtype_named("f32"));
  CHECK_FALSE(spankey::dtype_named(""));
}

TEST_CASE("bytes of a tensor") {
  using spankey::dtype;
  CHECK(spankey::tensor_bytes(dtype::f32, {2, 3}) == 24);
  CHECK(spankey::tensor_bytes(dtype::i64, {}) == 8);
  CHECK(spankey::tensor_bytes(dtype::bf16, {5, 0, 7}) == 0);
  CHECK(spankey::tensor_bytes(dtype::boolean, {7}) == 7);
  CHECK(spankey::tensor_bytes(dtype::f6_e2m3, {4}) == 3);
  CHECK_FALSE(spankey::tensor_bytes(dtype::f4, {3}));
  CHECK_FALSE(spankey::tensor_bytes(dtype::f32, {-1}));
  CHECK_FALSE(spankey::tensor_bytes(dtype::u8, {spankey::index_t{1} << 31, spankey::index_t{1} << 31}));
}

TEST_CASE("shapes as text") {
  CHECK(spankey::shape_text({}) == "()");
  CHECK(spankey::shape_text({64, 3}) == "(64, 3)");
  CHECK(spankey::shape_text({-1, 10}) == "(any, 10)");
  CHECK(spankey::shape_text(std::vector<spankey::index_t>(9, 1)) == "(1, 1, 1, 1, 1, 1, 1, 1, ... rank 9)");
}
