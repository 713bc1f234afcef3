// A lock on a trained network that needs neither training nor data: before a layer stands an invertible map T of its input
// channels that only the key makes, and the layer's weights are those of the mapped input.
//
//   y = W'^T (T x) = W^T x            W' = T^-T W, of every convolution, linear map, map of tokens and of the head
// Whoever has the weights W' alone has a network whose channels are mixed before every layer: it answers as by chance. Padding
// keeps its meaning (T 0 = 0), and so do batch norms behind, skips beside and activations before a layer. With the key
// unlock_entangled gives the weights back, rounded once more. What a holder of the weights and of data can do all the
// same is measured in docs/gates.md.
// fold_norms: a batch norm right behind a locked convolution is folded into it and left with a shift alone, since its
// running mean would be W' applied to the mean of T x: linear equations for T.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/planned_memory.hpp"
#include "spankey/infer/activation_maps.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/lock/entangled_lock.hpp"
#include "spankey/model/layer_description.hpp"

namespace spankey {

struct entangled_options {
  /// By their names in files, as "layer1.0.conv1"; empty: every one that can be.
  std::vector<std::string> layers{};
  bool whiten = false;  // lock/channel_map.hpp
  bool fold_norms = true;
};

/// Of fewer channels a map hides little: a first convolution that reads colours.
inline constexpr index_t least_entangled_channels = 8;

/// Whether a lock can stand before an entry of a network's list.
constexpr bool can_entangle(const layer_description& d) {
  return infer::takes_map(d) && d.in.channels >= least_entangled_channels;
}

/// Their positions in the list, in its order. Fails with lock.104 where a named one is missing or cannot be locked.
inline std::vector<std::size_t> entangled_entries(std::span<const layer_description> list,
                                                  const std::vector<std::string>& layers) {
  const auto asked = [&](const layer_description& d) {
    return layers.empty() || std::find(layers.begin(), layers.end(), d.name.view()) != layers.end();
  };
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < list.size(); ++i)
    if (can_entangle(list[i]) && asked(list[i])) found.push_back(i);
  if (found.size() < std::max<std::size_t>(layers.size(), 1))
    fail("lock.104", "entangled", "found ", found.size(), " layers to lock, expected ",
         std::max<std::size_t>(layers.size(), 1),
         " or more: convolutions without groups, linear maps or a head, of ", least_entangled_channels,
         " channels or more, each named once");
  return found;
}

/// f(parameter) for the matrices of an entry: weights, of a head with a reject logit two.
template <class Model, class F>
void for_each_matrix_of(Model& model, std::size_t entry, F&& f) {
  model.for_each_parameter_of(entry, [&](const scope&, auto& p) {
    if (p.dims.file_rank != 1) f(p);
  });
}

/// f(taps of weights, (C, columns) each) as double, written back where f changed them.
template <class P, class F>
void for_each_tap(P& p, F&& f) {
  const index_t size = p.dims.i * p.dims.o;
  secret_vector<double> tap(static_cast<std::size_t>(size));
  for (index_t t = 0; t < p.dims.h * p.dims.w; ++t) {
    auto* const at = p.value.data + t * size;
    std::copy_n(at, size, tap.begin());
    f(tap);
    std::transform(tap.begin(), tap.end(), at,
                   [](double x) { return static_cast<std::remove_pointer_t<decltype(at)>>(x); });
  }
}

/// moment (C, C) += w w^T, w (C, columns).
inline void add_moment(const secret_vector<double>& w, index_t c, index_t columns,
                       std::vector<double>& moment) {
  for (index_t i = 0; i < c; ++i)
    for (index_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (index_t k = 0; k < columns; ++k)
        sum += w[static_cast<std::size_t>(i * columns + k)] * w[static_cast<std::size_t>(j * columns + k)];
      moment[static_cast<std::size_t>(i * c + j)] += sum;
      if (i != j) moment[static_cast<std::size_t>(j * c + i)] += sum;
    }
}

/// Folds the batch norms right behind the named convolutions into them: then the convolution scales, and the norm shifts.
template <class Model>
void fold_norms(Model& model, std::span<const std::size_t> entries) {
  const std::span<const layer_description> list = model.layers();
  for (const std::size_t i : entries) {
    if (list[i].kind != layer_kind::conv2d || i + 1 == list.size() ||
        list[i + 1].kind != layer_kind::batch_norm2d)
      continue;
    const double epsilon = list[i + 1].norm.epsilon;
    std::vector<double> factor(static_cast<std::size_t>(list[i].out.channels));
    using number = typename Model::master;
    number *means = nullptr, *variances = nullptr, *scales = nullptr, *shifts = nullptr;
    model.for_each_state_of(i + 1, [&](const scope& name, auto& s) {
      (name.name == "running_mean" ? means : variances) = s.value.data;
    });
    model.for_each_parameter_of(
        i + 1, [&](const scope& name, auto& p) { (name.name == "weight" ? scales : shifts) = p.value.data; });
    for (std::size_t c = 0; c < factor.size(); ++c) {
      factor[c] = (scales != nullptr ? double{scales[c]} : 1.0) / std::sqrt(double{variances[c]} + epsilon);
      const double mean_after = double{means[c]} * factor[c];
      if (scales != nullptr) scales[c] = 1;
      variances[c] = static_cast<number>(1 - epsilon);
      means[c] = shifts != nullptr ? number(0) : static_cast<number>(mean_after);
      if (shifts != nullptr) shifts[c] = static_cast<number>(double{shifts[c]} - mean_after);
    }
    model.for_each_parameter_of(i, [&](const scope&, auto& p) {
      for (index_t j = 0; j < p.dims.size(); ++j)
        p.value.data[j] =
            static_cast<number>(double{p.value.data[j]} * factor[static_cast<std::size_t>(j % p.dims.o)]);
    });
  }
}

/// Locks a network's weights in place; the lock is what unlocks them again, with the key. Errors, all before anything
/// changes: lock.104, lock.105 weights that are no numbers, memory.105, memory.107, memory.108.
template <class Model>
entangled_lock lock_entangled(Model& model, const master_key& key, const entangled_options& o = {}) {
  require_written(model, 0, "lock_entangled");
  require_writable(model, "lock_entangled");
  const std::vector<std::size_t> entries = entangled_entries(model.layers(), o.layers);
  for (const std::size_t i : entries)
    for_each_matrix_of(model, i, [&](auto& p) {
      if (!all_finite(p.value.data, p.dims.size()))
        fail("lock.105", model.layers()[i].name.view(), "found weights that are no numbers");
    });
  entangled_lock lock;
  lock.note_norms(o.fold_norms);
  if (o.fold_norms) fold_norms(model, entries);
  for (const std::size_t i : entries) {
    const layer_description& d = model.layers()[i];
    const std::string name(d.name.view());
    const index_t c = d.in.channels;
    channel_map map = lock.map_of(key, name, c);
    if (o.whiten) {
      std::vector<double> moment(static_cast<std::size_t>(c * c));
      for_each_matrix_of(model, i, [&](auto& p) {
        for_each_tap(p, [&](const secret_vector<double>& w) { add_moment(w, c, p.dims.o, moment); });
      });
      map.whiten(moment);
    }
    for_each_matrix_of(model, i, [&](auto& p) {
      for_each_tap(p, [&](secret_vector<double>& w) { map.lock(w.data(), p.dims.o); });
    });
    lock.add(key, name, map);
  }
  return lock;
}

/// The map before a layer, by its place in the list.
struct locked_map {
  std::size_t entry;
  channel_map map;
};

/// All maps of a lock, in the list's order. Errors: lock.102 a key that does not open the lock, lock.106 a lock of another
/// network, lock.132 one that was cut; `caller` for the sentence.
inline std::vector<locked_map> opened_maps(std::span<const layer_description> list, const master_key& key,
                                           const entangled_lock& lock, key_check check, const char* caller) {
  std::vector<locked_map> maps;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string name(list[i].name.view());
    if (can_entangle(list[i]) && lock.record.sealed.contains(name))
      maps.push_back({i, lock.opened_map(key, name, list[i].in.channels, check)});
  }
  if (maps.size() != lock.record.sealed.size())
    fail("lock.106", caller, "found ", maps.size(), " of ", lock.record.sealed.size(),
         " locked layers in this network, expected all");
  if (check == key_check::required) lock.record.require_whole(key);
  return maps;
}

/// The inverse. Errors, all before anything changes: lock.102 a key that does not open the lock, lock.106 a lock of another
/// network, lock.132 one that was cut, memory.105, memory.107, memory.108.
template <class Model>
void unlock_entangled(Model& model, const master_key& key, const entangled_lock& lock,
                      key_check check = key_check::required) {
  require_written(model, 0, "unlock_entangled");
  require_writable(model, "unlock_entangled");
  const std::vector<locked_map> maps = opened_maps(model.layers(), key, lock, check, "unlock_entangled");
  for (const auto& [entry, map] : maps)
    for_each_matrix_of(model, entry, [&, &of_entry = map](auto& p) {
      for_each_tap(p, [&](secret_vector<double>& w) { of_entry.unlock(w.data(), p.dims.o); });
    });
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
