// A lock on a run's weights, and its key. Included where run_functions are compiled, once: parameters are floats, whatever a
// run computes with.
#pragma once

#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "run_folder.hpp"
#include "run_model.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/lock/master_key_file.hpp"

template <class Backend, class Scalar>
struct run_lock {
  /// Writes the run folder of the locked, or of the unlocked, network. Fails before anything is written.
  static void relock(const run_options& options, const lock_options& request, bool locks) {
    using namespace spankey;
    const master_key key = load_master_key(request.key);
    const auto model = make_model<Backend, Scalar>(options);
    const arena memory(*model, 1);
    const std::filesystem::path run(request.run);
    load_weights(*model, (run / "weights.safetensors").string());
    safetensors_metadata note;
    entangled_lock lock;
    if (locks) {
      lock = lock_entangled(
          *model, key,
          {.layers = request.layers, .whiten = request.whiten, .fold_norms = !request.keep_norms});
      note[locked_entry] = std::string(entangled_lock::kind);
    } else {
      unlock_entangled(*model, key, entangled_lock::load((run / lock_file_name).string()),
                       request.any_key ? key_check::skipped : key_check::required);
    }
    run_options written = options;
    written.out = request.out;
    const run_folder folder(written, start_of_run::fresh);
    if (options.keyed()) {
      const std::string file = (run / "key_space.safetensors").string();
      save_key_space(read_keys(options, file), folder.file("key_space.safetensors"));
    }
    save_weights(*model, folder.file("weights.safetensors"), note);
    if (!locks) return;
    lock.save(folder.file(lock_file_name));
    std::printf("locked %zu layers of %s\n", lock.sealed.size(), options.model.c_str());
  }
};
