#include "spankey/data/npy.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "npy_files.hpp"

namespace {

using spankey::index_t;
using spankey::npy_array;
using spankey::npy_type;
using spankey_test::bytes_of;
using spankey_test::described;
using spankey_test::id_of;
using spankey_test::npy;
using spankey_test::put;
using spankey_test::scratch_directory;

std::string id_for(const std::string& content, index_t largest = spankey::npy_bytes_cap) {
  const scratch_directory directory;
  put(directory / "a.npy", content);
  return id_of([&] { spankey::read_npy(directory / "a.npy", spankey::open_file, largest); });
}

const std::string six = bytes_of<float>({1, 2, 3, 4, 5, 6});

}  // namespace

TEST_CASE("npy: every type that is read, its shape and its elements") {
  const scratch_directory directory;
  const auto check = [&]<class T>(const char* name, npy_type type, T) {
    CAPTURE(name);
    const std::vector<T> values = {T(1), T(0), T(100)};
    put(directory / "a.npy", npy(described(name, "(3,)"), bytes_of(values)));
    const npy_array array = spankey::read_npy(directory / "a.npy");
    CHECK(array.type == type);
    CHECK(array.shape == std::vector<index_t>{3});
    REQUIRE(array.count() == 3);
    std::vector<double> found;
    spankey::for_each_element(array,
                              [&](index_t, auto value) { found.push_back(static_cast<double>(value)); });
    CHECK(found == std::vector<double>{1, 0, 100});
  };
  check("<f4", npy_type::f32, float{});
  check("<f8", npy_type::f64, double{});
  check("|i1", npy_type::i8, std::int8_t{});
  check("|u1", npy_type::u8, std::uint8_t{});
  check("<i2", npy_type::i16, std::int16_t{});
  check("<u2", npy_type::u16, std::uint16_t{});
  check("<i4", npy_type::i32, std::int32_t{});
  check("<u4", npy_type::u32, std::uint32_t{});
  check("<i8", npy_type::i64, std::int64_t{});
  check("<u8", npy_type::u64, std::uint64_t{});
}

TEST_CASE("npy: versions, orders of the entries and shapes that are read") {
  for (const char version : {'\1', '\2', '\3'})
    CHECK(id_for(npy(described("<f4", "(2, 3)"), six, version)) == "no error");
  CHECK(id_for(npy("{'shape': (2, 3), 'descr': '<f4', 'fortran_order': False}", six)) == "no error");
  CHECK(id_for(npy(described("<f4", "()"), six.substr(0, 4))) == "no error");
  CHECK(id_for(npy(described("<f4", "(0, 9)"), "")) == "no error");
}

TEST_CASE("npy: what is no such file, or another type") {
  const std::string good = npy(described("<f4", "(2, 3)"), six);
  REQUIRE(id_for(good) == "no error");
  CHECK(id_for("") == "data.174");
  CHECK(id_for(good.substr(0, 7)) == "data.174");
  CHECK(id_for("\x94" + good.substr(1)) == "data.171");
  CHECK(id_for(npy(described("<f4", "(2, 3)"), six, 4)) == "data.171");
  CHECK(id_for(npy(described("<f4", "(2, 3)"), six, 0)) == "data.171");
  for (const char* type : {">f4", "|O", "O", "<f2", "<c8", "<U3", "|b1", "=f4", "<M8[ns]", ""})
    CHECK(id_for(npy(described(type, "(2, 3)"), six)) == "data.173");
  CHECK(id_for(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", six)) == "data.173");
  const scratch_directory directory;
  CHECK(id_of([&] { spankey::read_npy(directory / "missing"); }) == "data.141");
  CHECK(id_of([&] { spankey::read_npy(directory.path()); }) == "data.143");
}

TEST_CASE("npy: headers that are not NumPy's") {
  for (const char* header :
       {"", "{", "[]", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': false, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (02, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 9223372036854775808)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}\n"}) {
    CAPTURE(header);
    CHECK(id_for(npy(header, six)) == "data.172");
  }
  CHECK(id_for(npy(described("<f4", "(" + std::string(2 * 33, '1').replace(1, 0, ",") + ")"), six)) ==
        "data.172");
  std::string ones = "(";
  for (int i = 0; i < 33; ++i) ones += "1, ";
  CHECK(id_for(npy(described("<f4", ones + ")"), six)) == "data.172");
  CHECK(id_for(npy(described("<f4", "(2, 3)") + std::string(5000, ' '), six)) == "data.172");
}

TEST_CASE("npy: lengths are checked before memory is reserved") {
  const std::string good = npy(described("<f4", "(2, 3)"), six);
  CHECK(id_for(good.substr(0, good.size() - 1)) == "data.174");
  CHECK(id_for(good + "x") == "data.174");
  CHECK(id_for(npy(described("<f4", "(1000000000,)"), six)) == "data.174");
  CHECK(id_for(npy(described("<f4", "(4611686018427387904, 4)"), six)) == "data.175");
  CHECK(id_for(npy(described("<f4", "(9223372036854775807,)"), six)) == "data.175");
  CHECK(id_for(good, 23) == "data.175");
  CHECK(id_for(good, 24) == "no error");
}
