// What file/safetensors_header.hpp declares, and the parser.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "spankey/file/header_text.hpp"
#include "spankey/file/safetensors_header.hpp"

namespace spankey {

/// The grammar alone. Errors: safetensors.104 text, .105 duplicate, .106 field, .107 unknown dtype.
class safetensors_header_parser {
 public:
  safetensors_header_parser(std::string_view text, std::string_view where)
      : text_(text, where), where_(where) {
    if (!text.starts_with('{'))
      fail("safetensors.104", where, "header byte 0: expected '{', the format's first byte");
  }

  safetensors_header parse() {
    safetensors_header header;
    bool metadata_seen = false;
    for_each_member([&](const std::string& name) {
      if (name == "__metadata__") {
        if (metadata_seen) fail("safetensors.105", where_, "__metadata__ appears twice, expected once");
        metadata_seen = true;
        parse_metadata(header.metadata);
      } else {
        const auto [place, fresh] = header.tensors.try_emplace(name);
        if (!fresh)
          fail("safetensors.105", where_, "tensor ", in_quotes(name), " appears twice, expected once");
        parse_entry(name, place->second);
      }
    });
    text_.expect_end();
    return header;
  }

 private:
  // { "name": value, ... }: calls member(name) where the value begins.
  template <class Member>
  void for_each_member(const Member& member) {
    text_.expect('{');
    if (text_.accept('}')) return;
    do {
      const std::string name = text_.string();
      text_.expect(':');
      member(name);
    } while (text_.accept(','));
    text_.expect('}');
  }

  std::vector<index_t> parse_integers() {
    std::vector<index_t> values;
    text_.expect('[');
    if (text_.accept(']')) return values;
    do values.push_back(text_.integer());
    while (text_.accept(','));
    text_.expect(']');
    return values;
  }

  void parse_metadata(safetensors_metadata& metadata) {
    for_each_member([&](const std::string& key) {
      if (!metadata.try_emplace(key, text_.string()).second) {
        fail("safetensors.105", where_, "__metadata__ key ", in_quotes(key), " appears twice, expected once");
      }
    });
  }

  void parse_entry(const std::string& name, tensor_entry& entry) {
    bool has_type = false, has_shape = false, has_offsets = false;
    for_each_member([&](const std::string& field) {
      bool* const seen = field == "dtype"          ? &has_type
                         : field == "shape"        ? &has_shape
                         : field == "data_offsets" ? &has_offsets
                                                   : nullptr;
      if (seen == nullptr || *seen) {
        fail("safetensors.106", where_, "tensor ", in_quotes(name),
             ": expected dtype, shape and data_offsets once each, found ", seen ? "again " : "",
             in_quotes(field));
      }
      *seen = true;
      if (seen == &has_type) {
        const std::string found = text_.string();
        const std::optional<dtype> type = dtype_named(found);
        if (!type) {
          fail("safetensors.107", where_, "tensor ", in_quotes(name),
               ": expected a dtype of the format (F32, I64, ...), found ", in_quotes(found));
        }
        entry.type = *type;
      } else if (seen == &has_shape) {
        entry.shape = parse_integers();
      } else {
        const std::vector<index_t> offsets = parse_integers();
        if (offsets.size() != 2) {
          fail("safetensors.106", where_, "tensor ", in_quotes(name), ": expected 2 data_offsets, found ",
               offsets.size());
        }
        entry.begin = offsets[0];
        entry.end = offsets[1];
      }
    });
    if (!has_type || !has_shape || !has_offsets) {
      fail("safetensors.106", where_, "tensor ", in_quotes(name),
           ": expected dtype, shape and data_offsets, found no ",
           !has_type    ? "dtype"
           : !has_shape ? "shape"
                        : "data_offsets");
    }
  }

  header_text text_;
  std::string_view where_;
};

void check_layout(const safetensors_header& header, index_t data_bytes, std::string_view where) {
  using item = std::pair<const std::string, tensor_entry>;
  std::vector<const item*> order;
  for (const item& tensor : header.tensors) {
    const auto& [name, entry] = tensor;
    const std::string what = "tensor " + in_quotes(name) + ": ";
    const std::optional<index_t> bytes = tensor_bytes(entry.type, entry.shape);
    if (!bytes) {
      fail("safetensors.108", where, what, "expected a shape of whole bytes below 2^63 bits, found ",
           tensor_text(entry.type, entry.shape));
    }
    if (entry.begin > entry.end || entry.end > data_bytes) {
      fail("safetensors.109", where, what, "expected data_offsets inside the ", data_bytes,
           " bytes of data, found [", entry.begin, ", ", entry.end, "]");
    }
    if (entry.end - entry.begin != *bytes) {
      fail("safetensors.110", where, what, "expected ", *bytes, " bytes for ",
           tensor_text(entry.type, entry.shape), ", found data_offsets of ", entry.end - entry.begin,
           " bytes");
    }
    order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(), [](const item* a, const item* b) {
    return a->second.begin != b->second.begin ? a->second.begin < b->second.begin
                                              : a->second.end < b->second.end;
  });
  index_t covered = 0;
  for (const item* tensor : order) {
    if (tensor->second.begin != covered) {
      fail("safetensors.111", where, "tensor ", in_quotes(tensor->first), ": expected to begin at data byte ",
           covered, " where the one before it ends, found ", tensor->second.begin,
           tensor->second.begin < covered ? " (overlap)" : " (hole)");
    }
    covered = tensor->second.end;
  }
  if (covered != data_bytes) {
    fail("safetensors.112", where, "expected ", covered, " bytes of data (the tensors of the header), found ",
         data_bytes);
  }
}

safetensors_header parse_safetensors_header(std::string_view text, index_t data_bytes,
                                            std::string_view where) {
  safetensors_header header = safetensors_header_parser(text, where).parse();
  check_layout(header, data_bytes, where);
  return header;
}

}  // namespace spankey
