// A lock that withholds numbers: the chosen weights are taken out of a network and sealed under the key, so that who has the rest
// must buy them back with data. No confusion, but a proof: what is sealed is as good as absent.
//
//   weights file   the chosen weights are 0          lock file   of every parameter: which ones (a bit each), and their values
// Which ones: all of the named layers (every one, if none is), or of those the share whose loss costs most by a score that the
// caller brings (train/fisher.hpp), over all of them together.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/planned_memory.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/layer/weight_scores.hpp"
#include "spankey/lock/lock_record.hpp"

namespace spankey {

struct masked_options {
  std::vector<std::string> layers{};  // by PyTorch's names; empty: all
  double share = 1;                   // of their weights: the highest scores
};

inline constexpr std::string_view masked_kind = "masked 2";

namespace masking {

inline std::string about(const parameter_extents& dims) { return std::to_string(dims.size()); }
inline bool is_chosen(const masked_options& o, std::string_view name) {
  return o.layers.empty() || std::any_of(o.layers.begin(), o.layers.end(), [&](const std::string& layer) {
           return name.starts_with(layer + ".");
         });
}
/// The lowest score that is still withheld; how many of the elements with exactly that score are, in the network's order.
struct cut {
  float least = 0;
  std::size_t ties = 0;
};
inline cut cut_of(std::vector<float> scores, double share) {
  const auto count = static_cast<std::size_t>(share * static_cast<double>(scores.size()) + 0.5);
  if (count == 0 || count == scores.size()) return {-1, scores.size()};
  const auto at = scores.begin() + static_cast<std::ptrdiff_t>(count - 1);
  std::nth_element(scores.begin(), at, scores.end(), std::greater<>());
  const float least = *at;
  const auto above = static_cast<std::size_t>(
      std::count_if(scores.begin(), scores.end(), [&](float s) { return s > least; }));
  return {least, count - above};
}

}  // namespace masking

/// Takes the chosen weights out of a network; the lock is what puts them back, with the key. `scores` of every chosen parameter
/// where share < 1, else none are looked at. Errors, all before anything changes: lock.107 a layer that is not there, or a share
/// that is not above 0 and at most 1; lock.108 scores that are missing, of another size, or no numbers of at least 0; memory.105,
/// memory.107, memory.108.
template <class Model>
lock_record lock_masked(Model& model, const master_key& key, const masked_options& o = {},
                        const weight_scores& scores = {}) {
  require_written(model, 0, "lock_masked");
  require_writable(model, "lock_masked");
  if (!(o.share > 0 && o.share <= 1))
    fail("lock.107", "lock_masked", "found the share ", o.share, ", expected one above 0, at most 1");
  std::vector<float> all;
  std::size_t weights = 0;
  model.for_each_parameter([&](const scope& at, auto& p) {
    const std::string name = at.str();
    if (!masking::is_chosen(o, name)) return;
    weights += static_cast<std::size_t>(p.dims.size());
    if (o.share == 1) return;
    const auto found = scores.find(name);
    const bool fits = found != scores.end() &&
                      found->second.size() == static_cast<std::size_t>(p.dims.size()) &&
                      all_finite(found->second.data(), p.dims.size()) &&
                      std::all_of(found->second.begin(), found->second.end(), [](float s) { return s >= 0; });
    if (!fits) fail("lock.108", name, "expected ", p.dims.size(), " scores of at least 0");
    all.insert(all.end(), found->second.begin(), found->second.end());
  });
  for (const std::string& layer : o.layers) {
    bool known = false;
    model.for_each_parameter(
        [&](const scope& at, auto&) { known = known || at.str().starts_with(layer + "."); });
    if (!known) fail("lock.107", "lock_masked", "found no layer \"", layer, "\" with weights");
  }
  if (weights == 0) fail("lock.107", "lock_masked", "found no weights to lock");
  masking::cut cut = o.share == 1 ? masking::cut{-1, weights} : masking::cut_of(std::move(all), o.share);

  lock_record lock(masked_kind);
  model.for_each_parameter([&](const scope& at, auto& p) {
    const std::string name = at.str();
    if (!masking::is_chosen(o, name)) return;
    const auto size = static_cast<std::size_t>(p.dims.size());
    secret_vector<std::byte> held((size + 7) / 8);
    const auto taken = [&](std::size_t i) {
      if (o.share == 1) return true;
      const float score = scores.find(name)->second[i];
      if (score != cut.least) return score > cut.least;
      return cut.ties > 0 && cut.ties-- > 0;
    };
    for (std::size_t i = 0; i < size; ++i) {
      if (!taken(i)) continue;
      held[i / 8] |= std::byte{1} << (i % 8);
      const auto value = static_cast<float>(p.value.data[i]);
      const auto* const bytes = reinterpret_cast<const std::byte*>(&value);
      held.insert(held.end(), bytes, bytes + sizeof value);
      p.value.data[i] = 0;
    }
    lock.add(key, name, masking::about(p.dims), held);
  });
  return lock;
}

/// Puts them back. Errors, all before anything changes: lock.102 a key that does not open the lock, lock.106 a lock of another
/// network, lock.132 one that was cut, memory.105, memory.107, memory.108.
template <class Model>
void unlock_masked(Model& model, const master_key& key, const lock_record& lock) {
  require_written(model, 0, "unlock_masked");
  require_writable(model, "unlock_masked");
  std::map<std::string, secret_vector<std::byte>> opened;
  model.for_each_parameter([&](const scope& at, auto& p) {
    const std::string name = at.str();
    if (!lock.sealed.contains(name)) return;
    secret_vector<std::byte> held = lock.open(key, name, masking::about(p.dims));
    const std::size_t bits = (static_cast<std::size_t>(p.dims.size()) + 7) / 8;
    std::size_t count = 0;
    for (std::size_t i = 0; i < std::min(bits, held.size()) * 8; ++i)
      count += (held[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0} ? 1 : 0;
    if (held.size() != bits + count * sizeof(float))
      fail("lock.106", name, "found ", held.size(), " bytes of its weights, expected ",
           bits + count * sizeof(float));
    opened.emplace(name, std::move(held));
  });
  if (opened.size() != lock.sealed.size())
    fail("lock.106", "unlock_masked", "found ", opened.size(), " of ", lock.sealed.size(),
         " locked parameters in this network, expected all");
  lock.require_whole(key);
  model.for_each_parameter([&](const scope& at, auto& p) {
    const auto found = opened.find(at.str());
    if (found == opened.end()) return;
    const secret_vector<std::byte>& held = found->second;
    const auto size = static_cast<std::size_t>(p.dims.size());
    const std::byte* next = held.data() + (size + 7) / 8;
    for (std::size_t i = 0; i < size; ++i) {
      if ((held[i / 8] >> (i % 8) & std::byte{1}) == std::byte{0}) continue;
      float value;
      std::memcpy(&value, next, sizeof value);
      next += sizeof value;
      p.value.data[i] = value;
    }
  });
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
