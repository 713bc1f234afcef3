// Arrays of NumPy's .npy format, strict: numbers of one type, C order, little endian.
//
//   0x93 "NUMPY" | version 1.0, 2.0 or 3.0 | length of the header, 2 bytes (4 from version 2.0 on), little endian |
//   {'descr': '<f4', 'fortran_order': False, 'shape': (60, 20), } and spaces, ended by a line break | the elements
// Objects, which are pickled programs, are refused like every other type that is no plain number. The header is checked
// before memory is reserved, and the length of the file against it; nothing may follow the elements.
// Source: numpy.lib.format, "Format Version 1.0" and after.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_source.hpp"

namespace spankey {

static_assert(std::endian::native == std::endian::little,
              "SpanKey: .npy elements are read as they are, which are little endian");

enum class npy_type { f32, f64, i8, u8, i16, u16, i32, u32, i64, u64 };

struct npy_description {
  npy_type type;
  std::string_view name;  // as the header writes it
  index_t bytes;
};

/// Every type that is read, in the order of the enumeration.
inline constexpr std::array<npy_description, 10> npy_types{{{npy_type::f32, "<f4", 4},
                                                            {npy_type::f64, "<f8", 8},
                                                            {npy_type::i8, "|i1", 1},
                                                            {npy_type::u8, "|u1", 1},
                                                            {npy_type::i16, "<i2", 2},
                                                            {npy_type::u16, "<u2", 2},
                                                            {npy_type::i32, "<i4", 4},
                                                            {npy_type::u32, "<u4", 4},
                                                            {npy_type::i64, "<i8", 8},
                                                            {npy_type::u64, "<u8", 8}}};

inline constexpr index_t npy_header_cap = 4096;  // longer headers are refused; a usual one has 118 bytes
inline constexpr std::size_t npy_rank_cap = 32;  // NumPy's own
/// Elements of more bytes are refused unless the caller allows more.
inline constexpr index_t npy_bytes_cap = sizeof(index_t) > 4 ? index_t{4} << 30 : index_t{1} << 30;

/// One array, C order.
struct npy_array {
  npy_type type = npy_type::f32;
  std::vector<index_t> shape;
  std::vector<std::uint8_t> bytes;

  [[nodiscard]] index_t count() const {
    return static_cast<index_t>(bytes.size()) / npy_types[static_cast<std::size_t>(type)].bytes;
  }
};

/// The dictionary of a header, read from left to right. Errors: data.172 with the byte of the header.
class npy_header {
 public:
  npy_header(std::string_view text, std::string_view where) : text_(text), where_(where) {
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      bool& seen = key == "descr" ? has_type : key == "fortran_order" ? has_order : has_shape;
      if ((&seen == &has_shape && key != "shape") || seen)
        expected("descr, fortran_order and shape, each once");
      seen = true;
      if (&seen == &has_type) {
        descr = quoted();
      } else if (&seen == &has_order) {
        fortran_order = truth();
      } else {
        read_shape();
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!has_type || !has_order || !has_shape) expected("descr, fortran_order and shape, each once");
    if (text_.substr(at_).find_first_not_of(' ') != text_.substr(at_).size() - 1 || text_.back() != '\n')
      expected("spaces and a line break at its end");
  }

  std::string_view descr;
  bool fortran_order = false;
  std::vector<index_t> shape;

 private:
  bool accept(char c) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) expected(std::string("'") + c + "'");
  }
  [[noreturn]] void expected(std::string_view what) const {
    fail("data.172", where_, "header byte ", at_, ": expected ", what);
  }
  std::string_view quoted() {
    expect('\'');
    const std::size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) expected("a text in single quotes");
    return text_.substr(std::exchange(at_, end + 1), end - at_);
  }
  bool truth() {
    accept(' ');
    for (const std::string_view word : {"False", "True"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return word == "True";
    }
    expected("True or False");
  }
  void read_shape() {
    expect('(');
    while (!accept(')')) {
      if (shape.size() == npy_rank_cap) expected("at most 32 extents");
      shape.push_back(integer());
      if (!accept(',')) {
        if (shape.size() == 1) expected("',' behind a single extent");
        expect(')');
        break;
      }
    }
  }
  index_t integer() {
    constexpr index_t most = std::numeric_limits<index_t>::max();
    accept(' ');
    const std::size_t begin = at_;
    index_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const index_t digit = text_[at_] - '0';
      if (value > (most - digit) / 10) expected("an extent below 2^63");
      value = value * 10 + digit;
    }
    if (at_ == begin || (text_[begin] == '0' && at_ > begin + 1)) expected("an extent");
    return value;
  }

  std::string_view text_, where_;
  std::size_t at_ = 0;
};

/// One file: its header when it is made, its elements when they are asked for.
class npy_reader {
 public:
  /// Reads and checks the header. Errors: data.171 not a .npy file of a known version, data.172 its header, data.173 a type
  /// or an order that is not read, data.174 shorter or longer than the header says, data.175 more than `largest` bytes of
  /// elements; those of the opener.
  explicit npy_reader(const std::filesystem::path& file, byte_opener open = open_file,
                      index_t largest = npy_bytes_cap)
      : source_(open(file)), where_(source_->where()) {
    std::array<std::uint8_t, 8> begin{};
    take(begin.data(), 8, "magic number and version");
    constexpr std::array<std::uint8_t, 6> magic{0x93, 'N', 'U', 'M', 'P', 'Y'};
    if (!std::equal(magic.begin(), magic.end(), begin.begin()) || begin[6] < 1 || begin[6] > 3 ||
        begin[7] != 0)
      fail("data.171", where_,
           "offset 0: expected a .npy file of version 1.0, 2.0 or 3.0, found another beginning");
    std::array<std::uint8_t, 4> length{};
    take(length.data(), begin[6] == 1 ? 2 : 4, "the header's length");
    std::uint32_t given = 0;
    for (std::size_t i = length.size(); i-- > 0;) given = given << 8 | length[i];
    if (given > static_cast<std::uint32_t>(npy_header_cap))
      fail("data.172", where_, "expected a header of at most ", npy_header_cap, " bytes, found ", given);
    const auto header_bytes = static_cast<index_t>(given);
    std::string text(static_cast<std::size_t>(header_bytes), '\0');
    take(reinterpret_cast<std::uint8_t*>(text.data()), header_bytes, "header");

    npy_header header(text, where_);
    const auto known = std::find_if(npy_types.begin(), npy_types.end(),
                                    [&](const npy_description& d) { return d.name == header.descr; });
    if (known == npy_types.end())
      fail("data.173", where_, "expected float32, float64 or whole numbers, little endian, found '",
           header.descr.substr(0, 40), "'");
    if (header.fortran_order) fail("data.173", where_, "expected elements in C order, found Fortran's");
    bytes_ = known->bytes;
    for (const index_t extent : header.shape) {
      if (extent != 0 && bytes_ > largest / extent)
        fail("data.175", where_, "expected at most ", largest, " bytes of elements, found more");
      bytes_ *= extent;
    }
    before_ = 8 + (begin[6] == 1 ? 2 : 4) + header_bytes;
    const byte_source::length_bounds bounds = source_->length();
    if (bounds.most - before_ < bytes_ || (bounds.least > before_ && bounds.least - before_ > bytes_))
      fail("data.174", where_, "expected ", before_ + bytes_,
           " bytes as the header says, the file has another length");
    type_ = known->type;
    shape_ = std::move(header.shape);
  }

  [[nodiscard]] npy_type type() const { return type_; }
  [[nodiscard]] const std::vector<index_t>& shape() const { return shape_; }

  /// The array; only once. Errors: data.174 there are fewer or more elements; those of the opener.
  [[nodiscard]] npy_array read() {
    npy_array array{type_, shape_, std::vector<std::uint8_t>(static_cast<std::size_t>(bytes_))};
    take(array.bytes.data(), bytes_, "elements");
    std::uint8_t behind = 0;
    if (source_->read(&behind, 1) != 0)
      fail("data.174", where_, "offset ", before_ + bytes_,
           ": expected the end as the header says, found more bytes");
    return array;
  }

 private:
  void take(std::uint8_t* out, index_t count, const char* what) {
    if (const index_t got = source_->read(out, count); got < count)
      fail("data.174", where_, "expected ", count, " bytes of ", what, ", found ", got, " and the end");
  }

  std::unique_ptr<byte_source> source_;
  std::string where_;
  npy_type type_ = npy_type::f32;
  std::vector<index_t> shape_;
  index_t bytes_ = 0, before_ = 0;
};

/// Reads one array. Errors: those of npy_reader.
inline npy_array read_npy(const std::filesystem::path& file, byte_opener open = open_file,
                          index_t largest = npy_bytes_cap) {
  return npy_reader(file, open, largest).read();
}

/// Calls f(i, value) for every element, in the element's own type.
template <class F>
void for_each_element(const npy_array& array, const F& f) {
  const auto as = [&]<class T>(T value) {
    for (index_t i = 0; i < array.count(); ++i) {
      std::memcpy(&value, array.bytes.data() + i * index_t{sizeof value}, sizeof value);
      f(i, value);
    }
  };
  // clang-format off
  switch (array.type) {
    case npy_type::f32: return as(float{});
    case npy_type::f64: return as(double{});
    case npy_type::i8: return as(std::int8_t{});
    case npy_type::u8: return as(std::uint8_t{});
    case npy_type::i16: return as(std::int16_t{});
    case npy_type::u16: return as(std::uint16_t{});
    case npy_type::i32: return as(std::int32_t{});
    case npy_type::u32: return as(std::uint32_t{});
    case npy_type::i64: return as(std::int64_t{});
    case npy_type::u64: return as(std::uint64_t{});
  }
  // clang-format on
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
