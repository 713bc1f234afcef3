#include "spankey/data/npy_features.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "npy_files.hpp"
#include "spankey/data/dataset.hpp"

using spankey_test::bytes_of;
using spankey_test::described;
using spankey_test::id_of;
using spankey_test::npy;
using spankey_test::put;
using spankey_test::scratch_directory;

TEST_CASE("features and labels become a data set, channels last") {
  const scratch_directory directory;
  const auto load = [&] { return spankey::load_npy_features(directory / "x", directory / "y", 3); };
  put(directory / "x",
      npy(described("<f8", "(2, 2, 1, 3)"), bytes_of<double>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})));
  put(directory / "y", npy(described("<i8", "(2,)"), bytes_of<std::int64_t>({2, 0})));
  const spankey::feature_dataset data = load();
  CHECK(data.sample == spankey::extents{2, 1, 3});
  CHECK(data.values == std::vector<float>{1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12});
  CHECK(data.labels == std::vector<spankey::class_label>{2, 0});
  CHECK(data.classes == 3);
  spankey::require_usable(data, "test");

  const auto id_with_features = [&](const std::string& features) {
    put(directory / "x", features);
    return id_of(load);
  };
  CHECK(id_with_features(npy(described("<f8", "(2, 1)"), bytes_of<double>({1, 1e39}))) == "data.178");
  CHECK(id_with_features(npy(described("<f8", "(2, 1)"),
                             bytes_of<double>({1, std::numeric_limits<double>::quiet_NaN()}))) == "data.178");
  CHECK(id_with_features(npy(described("<f8", "(2,)"), bytes_of<double>({1, 2}))) == "data.176");
  CHECK(id_with_features(npy(described("<f8", "(2, 0)"), "")) == "data.176");
  CHECK(id_with_features(npy(described("|i1", "(2, 2)"), "\1\2\3\4")) == "no error");
}
