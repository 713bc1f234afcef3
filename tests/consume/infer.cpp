// What firmware takes from SpanKey: this must build without exceptions, without run-time types and without
// packages.
#if __has_include("spankey/infer.hpp")
#include "spankey/infer.hpp"
#endif
#include <cstdio>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"

#if defined(TBB_VERSION_MAJOR) || defined(CBLAS_H) || defined(EIGEN_WORLD_VERSION)
#error "spankey/infer.hpp includes a package"
#endif

int main(int count, char**) {
  if (count > 1)
    spankey::fail("consume.101", "infer", "asked to fail: expected no argument, got ", count - 1);
  using image = spankey::shape<3, 32, 32>;
  std::printf("%td elements in an image\n", image::size);
  return image::size == 3072 ? 0 : 1;
}
