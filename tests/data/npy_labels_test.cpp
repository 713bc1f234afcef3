#include "spankey/data/npy_labels.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "npy_files.hpp"

using spankey::class_label;
using spankey::index_t;
using spankey_test::bytes_of;
using spankey_test::check_refused;
using spankey_test::described;
using spankey_test::id_of;
using spankey_test::npy;
using spankey_test::put;
using spankey_test::scratch_directory;

namespace {

std::vector<class_label> labels_in(const std::string& content, index_t samples, index_t classes) {
  const scratch_directory directory;
  put(directory / "y.npy", content);
  return spankey::read_npy_labels(directory / "y.npy", samples, classes);
}

std::string id_for(const std::string& content, index_t samples = 2, index_t classes = 3) {
  return id_of([&] { labels_in(content, samples, classes); });
}

}  // namespace

TEST_CASE("labels of every type of whole numbers, in a row or a column") {
  const auto check = [](const char* name, auto one) {
    using number = decltype(one);
    CAPTURE(name);
    for (const char* shape : {"(2,)", "(2, 1)"})
      CHECK(labels_in(npy(described(name, shape), bytes_of<number>({2, 0})), 2, 3) ==
            std::vector<class_label>{2, 0});
    CHECK(id_for(npy(described(name, "(2,)"), bytes_of<number>({2, 3}))) == "data.177");
  };
  check("|i1", std::int8_t{});
  check("|u1", std::uint8_t{});
  check("<i2", std::int16_t{});
  check("<u2", std::uint16_t{});
  check("<i4", std::int32_t{});
  check("<u4", std::uint32_t{});
  check("<i8", std::int64_t{});
  check("<u8", std::uint64_t{});
}

TEST_CASE("labels over 255, up to the last of 65,535 classes") {
  const std::string file = npy(described("<i4", "(3,)"), bytes_of<std::int32_t>({65534, 256, 0}));
  const std::vector<class_label> labels = labels_in(file, 0, 0);
  CHECK(labels == std::vector<class_label>{65534, 256, 0});
  CHECK(spankey::classes_in(labels) == 65535);
  CHECK(spankey::classes_in({}) == 0);
  check_refused([] { labels_in(npy(described("<i4", "(1,)"), bytes_of<std::int32_t>({65535})), 0, 0); },
                "data.177", {"y.npy", "element 0", "0 to 65534", "found 65535"});
}

TEST_CASE("labels that are none of the classes, of fractions, or too few") {
  CHECK(id_for(npy(described("<i8", "(2,)"), bytes_of<std::int64_t>({-1, 0}))) == "data.177");
  CHECK(id_for(npy(described("<u8", "(2,)"), bytes_of<std::uint64_t>({0, ~std::uint64_t{0}}))) == "data.177");
  CHECK(id_for(npy(described("<f4", "(2,)"), bytes_of<float>({1, 2}))) == "data.177");
  CHECK(id_for(npy(described("|i1", "(3,)"), std::string(3, '\0'))) == "data.176");
  CHECK(id_for(npy(described("|i1", "(2, 2)"), std::string(4, '\0'))) == "data.176");
  CHECK(id_for(npy(described("|i1", "(2, 2)"), std::string(4, '\0')), 0) == "data.176");
  CHECK(id_for(npy(described("|i1", "()"), std::string(1, '\0')), 0) == "data.176");
  CHECK(id_for(npy(described("|i1", "(2,)"), std::string(2, '\1'))) == "no error");
}
