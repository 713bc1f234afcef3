// A syndrome (lock/syndrome.hpp) in front of a trained network, gated or not: it is a guard of the network's sites, so that
// having no key is having one that is refused, and an injector goes on doing with accepted keys what it was trained for.
//
//   site i of a key space: rows and permutation follow from its basis, so that a run needs nothing but its key space
//   key let in at a site        y = injector(x, k); without an injector y = x, to the bit
//   key refused, or none        y = Pi x
// Training and data are not asked. Who holds the weights leaves the guards out: what is kept out are those who ask.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/core/word_checksum.hpp"
#include "spankey/inject/key_guard.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/lock/syndrome.hpp"

namespace spankey {

/// How keys are told apart.
struct syndrome_options {
  index_t rows = key_syndrome::usual_rows;
  double limit = key_syndrome::usual_limit;
};

/// Seed of the syndrome at sites()[i]: as secret as the basis.
inline std::uint64_t syndrome_seed(const key_space& keys, std::size_t i) {
  const secret_vector<float> basis = keys.subspace_of(static_cast<index_t>(i)).basis_in_file_order();
  const std::uint64_t start = word_checksum_start + static_cast<std::uint64_t>(keys.sites()[i].number);
  return word_checksum(reinterpret_cast<const std::byte*>(basis.data()), basis.size() * sizeof(float), start);
}

/// The guard of one site of a network that computes with T.
template <class T>
class syndrome_guard final : public key_guard<T> {
 public:
  using master = typename key_guard<T>::master;

  /// `elements` of a sample at the site: a key may have fewer numbers (core/key_shape.hpp). Fails as key_syndrome does.
  syndrome_guard(const subspace& span, std::uint64_t seed, const syndrome_options& options, index_t elements)
      : test_(span, seed, options.rows, options.limit, elements), row_(static_cast<std::size_t>(elements)) {}

  [[nodiscard]] bool lets_in(const master* key) const override { return test_.accepts(key); }
  void refuse(const T* x, T* y) const override { test_.scramble(x, y); }
  void refuse_back(T* dy) override {
    test_.unscramble(dy, row_.data());
    std::copy(row_.begin(), row_.end(), dy);
  }
  [[nodiscard]] typename key_guard<T>::rows tells_by() const override {
    const outside_rows told = test_.outside();
    return {told.values, told.count, told.limit};
  }
  /// -log2 of the share of isotropic keys that are let in.
  [[nodiscard]] double bits() const { return test_.bits(); }

 private:
  key_syndrome test_;
  std::vector<T> row_;
};

/// The guards of a model's sites, which stand there as long as this lives.
template <class Model>
class syndrome_gate {
 public:
  using scalar = typename Model::network_type::scalar;

  /// One for every site of the key space. Fails with lock.140 where the model has no such site, or it is off, lock.141 where
  /// one has a guard, lock.142 where its memory is not the host's, and as key_syndrome does.
  syndrome_gate(Model& model, const key_space& keys, const syndrome_options& options = {}) : model_(model) {
    if (!memory_of<typename Model::backend_type>::on_host)
      fail("lock.142", "syndrome_gate",
           "found a network in the memory of a device, expected one in the host's");
    for (std::size_t i = 0; i < keys.sites().size(); ++i) {
      const int number = keys.sites()[i].number;
      bool found = false;
      model.for_each_site([&](int at, auto& site) {
        if (at != number || !site.enabled) return;
        if (site.guard != nullptr)
          fail("lock.141", "syndrome_gate", "found a guard at site ", number, " already, expected none");
        guards_.push_back(std::make_unique<syndrome_guard<scalar>>(
            keys.subspace_of(static_cast<index_t>(i)), syndrome_seed(keys, i), options, site.in().size()));
        site.guard = guards_.back().get();
        found = true;
      });
      if (!found)
        fail("lock.140", "syndrome_gate", "found keys for site ", number,
             ", which this model does not have, or which is off");
    }
  }
  syndrome_gate(const syndrome_gate&) = delete;
  syndrome_gate& operator=(const syndrome_gate&) = delete;
  ~syndrome_gate() {
    model_.for_each_site([&](int, auto& site) {
      for (const auto& guard : guards_)
        if (site.guard == guard.get()) site.guard = nullptr;
    });
  }

  /// Of all sites together: a key is let in where every one of them does. With a key for all sites it is that of the site
  /// that lets in fewest.
  [[nodiscard]] double bits() const {
    double most = 0;
    for (const auto& guard : guards_) most = std::max(most, guard->bits());
    return most;
  }

 private:
  Model& model_;
  std::vector<std::unique_ptr<syndrome_guard<scalar>>> guards_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
