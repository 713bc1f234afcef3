// Memory for the keys of every site of a model, and their views: from a key space to what the model reads.
// Keys (n, d_site) in memory order; sites that the run leaves out have no memory and no key.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "spankey/inject/key_site.hpp"
#include "spankey/key/sampler.hpp"

namespace spankey {

/// The sites that `enabled` names among those of a model with these shapes, as a key space wants them. Fails with
/// key.201 for unknown numbers.
inline std::vector<site> sites_of(std::span<const extents> shapes, std::span<const int> enabled) {
  std::vector<site> chosen;
  for (const int number : enabled) {
    if (number < 0 || number >= static_cast<int>(shapes.size()))
      fail("key.201", "sites", "found site ", number, ", expected 0 to ", shapes.size() - 1);
    chosen.push_back({number, shapes[static_cast<std::size_t>(number)]});
  }
  return chosen;
}
template <class Model>
std::vector<site> sites_of(std::span<const int> enabled) {
  return sites_of(Model::sites, enabled);
}

/// Fails where a key space has a site that the model, whose sites have these shapes, does not have (train.111) or
/// has in another shape (train.112): keys would be read from, or bound to, memory that is not there.
inline void require_sites(std::span<const extents> shapes, std::span<const site> sites,
                          std::string_view where) {
  for (const site& s : sites) {
    if (s.number < 0 || s.number >= static_cast<int>(shapes.size()))
      fail("train.111", where, "the key space has site ", s.number, ", the model has the sites 0 to ",
           shapes.size() - 1);
    const extents& own = shapes[static_cast<std::size_t>(s.number)];
    if (s.shape != own)
      fail("train.112", where, "site ", s.number, " has C=", s.shape.channels, " H=", s.shape.height,
           " W=", s.shape.width, " in the key space, C=", own.channels, " H=", own.height, " W=", own.width,
           " in the model");
  }
}

template <class Model>
void require_sites_of(std::span<const site> sites, std::string_view where) {
  require_sites(Model::sites, sites, where);
}

/// Room for up to `capacity` keys at every site of a key space; the memory is wiped at the end.
class site_buffers {
 public:
  site_buffers(std::span<const site> sites, index_t capacity) {
    for (const site& s : sites) {
      numbers_.push_back(s.number);
      sizes_.push_back(s.shape.size());
      keys_.emplace_back(static_cast<std::size_t>(capacity * s.shape.size()));
    }
    for (auto& k : keys_) outputs_.push_back(k.data());
  }
  /// Where a key space draws to, site by site.
  [[nodiscard]] std::span<float* const> outputs() const { return outputs_; }

  /// Makes these the keys of `group`: one per sample, beginning with that of sample `first`, or one shared by all samples.
  /// Fails with key.201 for a site that the model does not have.
  void bind(std::span<site_keys<float>> keys, std::size_t group, bool one_per_sample,
            index_t first = 0) const {
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const auto number = static_cast<std::size_t>(numbers_[i]);
      if (number >= keys.size())
        fail("key.201", "sites", "found site ", numbers_[i], ", expected 0 to ", keys.size() - 1);
      const secret_vector<float>& drawn = keys_[i];
      const std::size_t before = one_per_sample ? static_cast<std::size_t>(first * sizes_[i]) : 0;
      keys[number].group[group] = {
          {drawn.data() + before,
           one_per_sample ? drawn.size() - before : static_cast<std::size_t>(sizes_[i])},
          one_per_sample ? sizes_[i] : 0};
    }
  }

 private:
  std::vector<int> numbers_;
  std::vector<index_t> sizes_;
  std::vector<secret_vector<float>> keys_;
  std::vector<float*> outputs_;
};

}  // namespace spankey
