// Do the keys that a run draws fit the gate of its network? Asked once a run: a gate that training never keys lets nobody
// in, or everybody.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/key/sampler.hpp"
#include "spankey/model/model.hpp"
#include "spankey/train/site_buffers.hpp"

namespace spankey {

/// Sites at which `model` takes a key: of its gate, on, and with an injector that does something.
template <class Model>
[[nodiscard]] std::vector<int> keyed_sites(Model& model) {
  std::vector<int> sites;
  model.for_each_site([&](int number, auto& layer) {
    if (layer.takes_key()) sites.push_back(number);
  });
  return sites;
}

/// Errors: train.111 and train.112 sites that the model does not have, train.113 a gate without a key space, or the
/// other way round, train.114 a site of the gate without keys, train.115 keys for a site that takes none.
/// `without_keys`: the caller says that he means it.
template <class Model>
void require_keys_of_gate(Model& model, const key_space* keys, bool without_keys, std::string_view where) {
  if (keys != nullptr) require_sites(model.site_shapes(), keys->sites(), where);
  if (keys != nullptr && without_keys)
    fail("train.113", where, "found a key space beside without_keys, expected one of both");
  if constexpr (requires { model.for_each_site([](int, auto&) {}); }) {
    const std::vector<int> gate = keyed_sites(model);
    if (keys == nullptr && !gate.empty() && !without_keys) {
      std::string sites;
      for (const int site : gate) sites += (sites.empty() ? "" : ", ") + std::to_string(site);
      fail("train.113", where, "found no key space for a network that takes keys at site ", sites,
           "; expected one, or the option without_keys");
    }
    if (keys == nullptr) return;
    const auto drawn = [&](int number) {
      return std::any_of(keys->sites().begin(), keys->sites().end(),
                         [&](const site& s) { return s.number == number; });
    };
    for (const int number : gate)
      if (!drawn(number))
        fail("train.114", where, "found no keys for site ", number, ", at which the network takes one");
    for (const site& s : keys->sites())
      if (std::find(gate.begin(), gate.end(), s.number) == gate.end())
        fail("train.115", where, "found keys for site ", s.number,
             ", at which the network takes none: it is not in its "
             "gate, or off, or its injector does nothing (set_injector, set_gate)");
  }
}

}  // namespace spankey
