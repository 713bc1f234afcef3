// The tables of a session (infer/sized_session.hpp) for a network whose sizes are known at run time.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstdint>
#include <string>
#include <vector>

#include "spankey/infer/session_tables.hpp"
#include "spankey/infer/token_weights.hpp"

namespace spankey::infer {

/// Outlives the sessions that it is given to; all sites of the list may take a key (but those of a matrix). Fails with
/// infer.113 where weights in blocks are wanted of a network of whole samples.
template <class Backend, ImageWeight Weight>
class sized_tables {
 public:
  explicit sized_tables(const layer_list& list)
      : name_(list.name()),
        table_(list.input(), {list.begin(), list.size()}),
        sites_(list.site_count()),
        parts_(table_.size()),
        prepared_(table_.size()),
        slot_(static_cast<std::size_t>(table_.slots())),
        effect_(sites_.size()) {
    if constexpr (in_blocks<Weight>) require_tokens(table_, list.name());
    for (std::size_t i = 0; i < sites_.size(); ++i) sites_[i] = list.site_shape(i);
    const std::size_t bytes = place_parts<Weight>(table_.operations(), parts_);
    tables_ = {.image = {name_, list.input(), list.outputs(), table_.operations(), parts_, bytes},
               .sites = sites_,
               .input_site = table_.input_site(),
               .input_key = table_.input_key()};
    tables_.gate = elementwise_sites(list);
    place_memory<engine<Backend, Weight>>(tables_, {prepared_, slot_, effect_});
    tables_.prepared = prepared_, tables_.slot = slot_, tables_.effect = effect_;
    tables_.mapped = map_memory_of<Backend>(tables_.image.operations);
  }
  sized_tables(const sized_tables&) = delete;
  sized_tables& operator=(const sized_tables&) = delete;

  [[nodiscard]] const session_tables& tables() const { return tables_; }
  [[nodiscard]] std::size_t memory_bytes() const { return tables_.total * sizeof(float); }
  [[nodiscard]] std::size_t map_memory_bytes() const { return tables_.mapped.total * sizeof(float); }

 private:
  std::string name_;
  operation_table table_;
  std::vector<extents> sites_;
  std::vector<image_part> parts_;
  std::vector<std::size_t> prepared_, slot_, effect_;
  session_tables tables_;
};

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
