#include "spankey/attack/unlabelled.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "error_probe.hpp"
#include "small_attacked.hpp"

using namespace spankey;
using namespace spankey::test;

TEST_CASE("batches of the first samples, the last one smaller") {
  const feature_dataset data = small_data(12);
  small_model model(small_list());
  std::vector<index_t> sizes;
  std::vector<double> firsts;
  for_each_batch(model, data, {.samples = 11, .batch = 4}, [&](const double* x, index_t n) {
    sizes.push_back(n);
    firsts.push_back(x[(n - 1) * 200]);
  });
  CHECK(sizes == std::vector<index_t>{4, 4, 3});
  CHECK(firsts == std::vector<double>{data.features(3)[0], data.features(7)[0], data.features(10)[0]});
  for (const index_t count : {index_t{0}, index_t{13}})
    CHECK(spankey_test::id_of([&] {
            for_each_batch(model, data, {.samples = count}, [](const double*, index_t) {});
          }) == "data.105");
}
