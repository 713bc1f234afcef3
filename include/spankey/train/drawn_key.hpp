// The one key that an evaluation asks a network with, where the network reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "spankey/inject/key_site.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/train/mirror.hpp"
#include "spankey/train/site_buffers.hpp"

namespace spankey {

/// Random steps of the evaluation stream: valid key i, and invalid key i.
constexpr std::uint64_t valid_key_step(index_t i) { return static_cast<std::uint64_t>(i); }
constexpr std::uint64_t invalid_key_step(index_t i) {
  return (std::uint64_t{1} << 31) + static_cast<std::uint64_t>(i);
}

/// Memory: memory_of_model of the network.
template <class Memory>
class drawn_key {
 public:
  using keys_type = std::vector<site_keys<float>>;

  drawn_key(const key_space& space, std::size_t site_count)
      : buffers_(space.sites(), 1), mirrors_(buffers_.outputs().size()), keys_(site_count) {
    buffers_.bind(keys_, 0, false);
  }
  /// A valid key, or an invalid one of a rule, until the next.
  const keys_type& draw(key_space& space, const invalid_rule* rule, const random_source& source) {
    if (rule == nullptr) {
      space.draw_valid(source, 1, buffers_.outputs());
    } else {
      space.draw_invalid(*rule, source, 1, buffers_.outputs());
    }
    for (std::size_t s = 0; s < mirrors_.size(); ++s) {
      const site& at = space.sites()[s];
      keys_[static_cast<std::size_t>(at.number)].group[0].values = {
          mirrors_[s].of(buffers_.outputs()[s], at.shape.size()), static_cast<std::size_t>(at.shape.size())};
    }
    return keys_;
  }

 private:
  site_buffers buffers_;
  std::vector<mirror<Memory, float>> mirrors_;
  keys_type keys_;
};

}  // namespace spankey
