#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "convert_flags.hpp"
#include "program_command.hpp"
#include "run_folder.hpp"
#include "run_functions.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/lock/master_key_file.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;
using spankey::printable;

bool has_lock(const std::string& run) {
  std::error_code code;
  return fs::exists(fs::path(run) / lock_file_name, code);
}

// What a kind of lock has no use for, or cannot do without.
void require_kind_fits(const lock_options& request) {
  const std::string& kind = request.kind;
  const lock_options usual;
  if (kind != "entangled" && (request.whiten || request.keep_norms))
    fail("flag.167", request.whiten ? "--whiten" : "--keep-norms", "is for locks of the kind entangled");
  if (kind != "masked" && request.share < 1) fail("flag.167", "--share", "is for locks of the kind masked");
  if (kind == "syndrome" && !request.layers.empty())
    fail("flag.167", "--layers", "is for locks of the kinds entangled and masked");
  if (kind != "syndrome" && (request.rows != usual.rows || request.limit != usual.limit))
    fail("flag.167", request.rows != usual.rows ? "--rows" : "--limit", "is for locks of the kind syndrome");
}

// A run's own keys are asked; one without keys gets a key space, which follows from a master key.
void require_syndrome_fits(const run_options& options, const lock_options& request) {
  if (options.asks_keys())
    fail("flag.184", "--run", "'", printable(request.run),
         "' has a syndrome already; expected a run without");
  if (options.keyed() && !request.key.empty())
    fail("flag.183", "--key", "found it for a run that has keys: its own key space says which are let in");
  if (!options.keyed() && request.key.empty())
    fail("flag.182", "--key", "expected a master key, which the keys of a run without keys follow from");
}

int write_other(const lock_options& request, bool locks) {
  run_options options = read_config((fs::path(request.run) / "config.json").string());
  const bool asks = locks && request.kind == "syndrome";
  if (asks) require_syndrome_fits(options, request);
  if (!asks && request.key.empty())
    fail("flag.182", "--key", "expected the file of a master key (spankey keygen)");
  if (!spankey::checkpoints_in(request.run).empty())
    fail("flag.163", "--run", "'", printable(request.run),
         "' holds checkpoints: its training is not finished");
  options.data_root = request.data_root;
  require_free(request.out);
  functions_on_cpu_fp32().relock(options, request, locks);
  std::printf("wrote %s/: config.json %sweights.safetensors%s\n", printable(request.out).c_str(),
              options.keyed() || asks ? "key_space.safetensors (secret) " : "",
              locks && !asks ? " lock.safetensors" : "");
  return 0;
}

}  // namespace

int draw_key(const std::string& out) {
  spankey::save_master_key(out, spankey::draw_master_key());
  std::printf("wrote %s: a master key (secret)\n", printable(out).c_str());
  return 0;
}

int lock(const lock_options& request) {
  const bool is_locked = has_lock(request.run);
  if (is_locked && request.old_key.empty())
    fail("flag.162", "--run", "'", printable(request.run),
         "' is locked already; expected a run that is open, or its key as --old-key");
  if (!request.old_key.empty() && (!is_locked || request.kind == "syndrome"))
    fail("flag.216", "--old-key",
         "is for a run that is locked, and for locks of the kinds entangled and masked");
  require_kind_fits(request);
  return write_other(request, true);
}

int unlock(const lock_options& request) {
  if (!has_lock(request.run))
    fail("flag.164", "--run", "'", printable(request.run),
         "' is not locked: found no lock.safetensors in it");
  return write_other(request, false);
}

program_command keygen_entry() {
  return plain<std::string, declare_keygen_flags, draw_key>("keygen", "draw a master key for lock");
}

program_command lock_entry() {
  return plain<lock_options, declare_lock_flags, lock>(
      "lock", "lock a run's weights under a master key, without training and without data");
}

program_command unlock_entry() {
  return plain<lock_options, declare_unlock_flags, unlock>("unlock",
                                                           "give a locked run's weights back, with its key");
}
