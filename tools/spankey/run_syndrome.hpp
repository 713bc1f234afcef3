// A run's syndrome: the guards of its network, and how a run gets one. Included where run_functions are compiled.
#pragma once

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "commands.hpp"
#include "run_folder.hpp"
#include "run_model.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/lock/master_key_file.hpp"
#include "spankey/lock/syndrome_guard.hpp"

/// The guards of the network of a run that has a syndrome, for as long as the result lives; null of one that has none. After
/// its weights were loaded, whose file says nothing of them. Fails as syndrome_gate does.
template <class Model>
std::unique_ptr<spankey::syndrome_gate<Model>> guards_of(Model& model,
                                                         const std::optional<spankey::key_space>& keys,
                                                         const run_options& options) {
  if (!options.asks_keys() || !keys) return nullptr;
  return std::make_unique<spankey::syndrome_gate<Model>>(
      model, *keys,
      spankey::syndrome_options{.rows = options.syndrome_rows, .limit = options.syndrome_limit});
}

template <class Backend, class Scalar>
struct run_syndrome {
  /// Writes the run folder of a trained network with a syndrome: over its own keys, or where it has none over those of a key
  /// space that follows from the master key. Fails before anything is written.
  static void add(const run_options& options, const lock_options& request) {
    using namespace spankey;
    run_options written = options;
    written.out = request.out;
    written.syndrome_rows = request.rows;
    written.syndrome_limit = request.limit;
    if (!options.keyed()) set_keys(written, request);
    const auto model = make_model<Backend, Scalar>(written);
    const arena memory(*model, 1);
    const std::filesystem::path run(request.run);
    load_weights(*model, (run / "weights.safetensors").string());
    std::optional<key_space> keys;
    if (options.keyed()) {
      keys.emplace(read_keys(options, (run / "key_space.safetensors").string()));
    } else {
      keys.emplace(written.key_space(), sites_of(model->site_shapes(), written.sites));
    }
    require_sites(model->site_shapes(), keys->sites(), "syndrome");
    double bits = 0;
    {
      const auto guards = guards_of<layered_network<Backend, Scalar>>(*model, keys, written);
      bits = guards->bits();
    }
    const run_folder folder(written, start_of_run::fresh);
    save_key_space(*keys, folder.file("key_space.safetensors"));
    save_weights(*model, folder.file("weights.safetensors"));
    std::printf("syndrome: %lld rows, limit %g: lets in an isotropic key with a probability of 2^-%.1f\n",
                static_cast<long long>(written.syndrome_rows), written.syndrome_limit, bits);
  }

 private:
  // Isotropic keys, as no network was trained for others.
  static void set_keys(run_options& o, const lock_options& request) {
    o.inject = "syndrome";
    o.sites = request.sites;
    o.key_shape = request.key_shape;
    o.subspace_dim = request.subspace_dim;
    o.basis = "orthonormal", o.coefficients = "gaussian", o.offset = 0, o.spread = 1;
    o.per_site_key = o.per_site_basis = request.sites.size() > 1;
    o.key_std = 1, o.rescale = "per_key";
    // Of a training that is over; a mixture may name families that isotropic keys do not have.
    o.invalid = "gaussian", o.invalid_mixture.clear();
    const spankey::secret_bytes derived =
        spankey::derive(spankey::load_master_key(request.key), {.purpose = "key space"});
    std::uint64_t seed;
    std::memcpy(&seed, derived.data(), sizeof seed);
    o.key_seed = seed;
    require_consistent(o);
    require_keys_fit(o);
  }
};
