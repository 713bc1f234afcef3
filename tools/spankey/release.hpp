// `release`, `extract`: handing out something else than a run's weights, and getting them back (docs/release.md). Types stay where
// it is compiled (release_on_cpu.cpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "release_text.hpp"
#include "run_options.hpp"
#include "sealed_key_flags.hpp"
#include "spankey/core/shape.hpp"

class flag_set;

/// The file of a release in its folder, beside config.json.
inline constexpr const char* release_file_name = "release.safetensors";
inline const std::vector<std::string> release_schemes = {"taylor", "sums", "identity", "entangled", "masked"};

struct release_options {
  std::string run, out, data_root = "data";
  std::string key;  // file of the master key of a lock
  release_text_options text;
  std::string scheme = "taylor", precision = "fp32";
  std::int64_t order = 8, group = 2, calibration = 20'000, check = 0, threads = 0;
  double share = 0.7, budget = 1e-3;
  std::optional<std::uint64_t> seed;  // of what is drawn; none: from the system
  sealed_key_flags opens;

  [[nodiscard]] bool locks() const { return scheme == "entangled" || scheme == "masked"; }
};
struct extract_options {
  std::string release, out, truth, data_root = "data";
  release_text_options text;
  std::int64_t check = 0, threads = 0;
};

/// How a release, or what was extracted from one, answers beside its network.
struct answers_beside {
  std::int64_t prompts = 0, identical = 0, answers = 0;
  double kl = 0, top_kl = 0, largest = 0;
};
struct release_summary {
  std::int64_t mlps = 0, neurons = 0, series = 0, numbers = 0, weights = 0;
  double work = 1, seconds = 1;  // of the MLPs, beside the network's: multiplications, and as measured
  answers_beside beside;
};
struct extract_summary {
  std::int64_t neurons = 0, failed = 0;
  double seconds = 0, residual = 0, residual_p99 = 0, residual_most = 0;
  bool compared = false;
  std::int64_t signs = 0, signs_right = 0;  // of the gated form, which has some
  double share = 0, share_of_all = 0, p50 = 0, p90 = 0, p99 = 0, most = 0;
  answers_beside beside;
};

release_summary release_on_cpu(const run_options& options, const release_options& request);
extract_summary extract_on_cpu(const run_options& options, const extract_options& request);

/// A session of tokens, of whatever it is.
class token_source {
 public:
  virtual ~token_source() = default;
  /// The logits behind a token, until the next call.
  virtual std::span<const float> read(spankey::index_t token) = 0;
  virtual void restart() = 0;
  [[nodiscard]] virtual spankey::index_t position() const = 0;
  [[nodiscard]] virtual spankey::index_t context() const = 0;
};
/// Of a release's folder; `key`, the file of a master key, opens one that is locked. Errors: those of reading it, release.1xx, of the
/// lock those of unlocking.
std::unique_ptr<token_source> open_release(const run_options& options, const std::string& folder,
                                           const std::string& key, const sealed_key_flags& opens);

void declare_release_flags(flag_set& flags, release_options& request);
void declare_extract_flags(flag_set& flags, extract_options& request);

/// Writes the folder of a release: config.json, release.safetensors, of a lock its record, of a run with a tokenizer that. Fails with
/// flag.236, flag.237, flag.240 to flag.242, release.1xx.
int release(const release_options& request);
/// Writes the run folder of what was extracted. Fails with flag.236, flag.237, release.1xx.
int extract(const extract_options& request);
