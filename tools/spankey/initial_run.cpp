#include "initial_run.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "run_folder.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/utf8.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::printable;

// Where the seeds differ, only the draws do.
bool same_space(const spankey::key_space& found, const run_options& options) {
  const spankey::key_space_config &a = found.config(), b = options.key_space();
  std::vector<int> sites, wanted = options.sites;
  for (const spankey::site& s : found.sites()) sites.push_back(s.number);
  return a.subspace_dim == b.subspace_dim && a.basis == b.basis && a.coefficients == b.coefficients &&
         a.law().offset == b.law().offset && a.law().spread == b.law().spread && a.rescale == b.rescale &&
         a.key_std == b.key_std && a.per_site_key == b.per_site_key && a.per_site_basis == b.per_site_basis &&
         sites == wanted;
}

}  // namespace

std::string initial_weights(const run_options& options) {
  std::error_code code;
  if (!spankey::is_utf8(options.init))  // config.json names it
    spankey::fail("flag.145", "--init", "found '", printable(options.init), "', expected a path in UTF-8");
  if (!fs::is_directory(options.init, code)) return options.init;
  if (!spankey::checkpoints_in(options.init).empty())
    spankey::fail(
        "flag.145", "--init", "'", printable(options.init),
        "' holds checkpoints: its training is not finished; go on with it (spankey train --resume)");
  return (fs::path(options.init) / "weights.safetensors").string();
}

std::optional<spankey::key_space> initial_keys(const run_options& options) {
  const fs::path file = fs::path(options.init) / "key_space.safetensors";
  std::error_code code;
  if (options.init.empty() || options.key_seed || !fs::exists(file, code)) return std::nullopt;
  spankey::key_space keys = spankey::load_key_space(file.string());
  if (!same_space(keys, options)) {
    std::printf("init: new keys, since those of %s are drawn in another way or for other sites\n",
                printable(options.init).c_str());
    return std::nullopt;
  }
  std::printf("init: the keys of %s\n", printable(options.init).c_str());
  return keys;
}
