// A lock on a run's weights, and its key. Included where run_functions are compiled, once: parameters are floats, whatever a
// run computes with.
#pragma once

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>

#include "commands.hpp"
#include "opened_key.hpp"
#include "run_folder.hpp"
#include "run_model.hpp"
#include "run_syndrome.hpp"
#include "run_tokens.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/lock/masked.hpp"
#include "spankey/lock/master_key_file.hpp"
#include "spankey/train/fisher.hpp"

template <class Backend, class Scalar>
struct run_lock {
  /// Writes the run folder of the locked, or of the unlocked, network. Fails before anything is written.
  static void relock(const run_options& options, const lock_options& request, bool locks) {
    using namespace spankey;
    if (locks && request.kind == "syndrome") return run_syndrome<Backend, Scalar>::add(options, request);
    const master_key key = master_key_named(request.key, request.opens);
    const auto model = make_model<Backend, Scalar>(options);
    const arena memory(*model, 1);
    const std::filesystem::path run(request.run);
    load_weights(*model, (run / "weights.safetensors").string());
    safetensors_metadata note;
    std::optional<lock_record> lock;
    if (!request.old_key.empty())
      unlocked(*model, (run / lock_file_name).string(), request, load_master_key(request.old_key));
    if (locks) {
      lock = locked(*model, options, request, key);
      note[locked_entry] = lock->kind;
    } else {
      unlocked(*model, (run / lock_file_name).string(), request, key);
    }
    run_options written = options;
    written.out = request.out;
    const run_folder folder(written, start_of_run::fresh);
    if (options.keyed()) {
      const std::string file = (run / "key_space.safetensors").string();
      save_key_space(read_keys(options, file), folder.file("key_space.safetensors"));
    }
    copy_tokenizer(options, request.run, folder);
    save_weights(*model, folder.file("weights.safetensors"), note);
    if (!lock) return;
    lock->save(folder.file(lock_file_name));
    std::printf("locked: %zu %s of %s\n", lock->sealed.size(),
                request.kind == "entangled" ? "layers" : "parameters", options.model.c_str());
  }

 private:
  static spankey::lock_record locked(run_model<Backend, Scalar>& model, const run_options& options,
                                     const lock_options& request, const spankey::master_key& key) {
    using namespace spankey;
    if (request.kind == "entangled")
      return lock_entangled(
                 model, key,
                 {.layers = request.layers, .whiten = request.whiten, .fold_norms = !request.keep_norms})
          .record;
    weight_scores scores;
    if (request.share < 1)
      with_data(options, [&](const auto& load) {
        const auto data = load(split::train);
        if constexpr (SequenceDataset<std::remove_cvref_t<decltype(data)>>) {
          fail("flag.168", "--share", "found a run of text; expected one of images or features");
        } else {
          scores = fisher_scores(model, data, std::min<index_t>(request.score_samples, data.size()));
        }
      });
    return lock_masked(model, key, {.layers = request.layers, .share = request.share}, scores);
  }
  static void unlocked(run_model<Backend, Scalar>& model, const std::string& file,
                       const lock_options& request, const spankey::master_key& key) {
    using namespace spankey;
    const std::string kind = lock_record::kind_of(file);
    if (kind == entangled_lock::kind) {
      unlock_entangled(model, key, entangled_lock::load(file),
                       request.any_key ? key_check::skipped : key_check::required);
    } else {
      if (request.any_key)
        fail("flag.169", "--any-key", "found a lock of the kind \"", printable(kind),
             "\", which a wrong key does not open at all");
      unlock_masked(model, key, lock_record::load(file, masked_kind));
    }
  }
};
