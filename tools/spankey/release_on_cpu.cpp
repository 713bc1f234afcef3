#include <chrono>
#include <filesystem>
#include <optional>
#include <random>

#include "commands.hpp"
#include "data_sets.hpp"
#include "opened_key.hpp"
#include "release.hpp"
#include "run_folder.hpp"
#include "run_model.hpp"
#include "spankey/attack/extract_network.hpp"
#include "spankey/attack/held_samples.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/release/calibration.hpp"
#include "spankey/release/compare_answers.hpp"
#include "spankey/release/locked_release.hpp"
#include "spankey/release/release_file.hpp"
#include "spankey/release/release_scheme.hpp"

namespace {

namespace fs = std::filesystem;
using namespace spankey;
using open_model = released_model<backend::cpu>;
using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point began) {
  return std::chrono::duration<double>(clock_type::now() - began).count();
}

// A run's weights in a network without keys.
struct loaded_run {
  layer_list list;
  open_model model;
  arena memory;

  loaded_run(const run_options& options, const std::string& run)
      : list(layers_of(options, outputs_of(options))), model(list), memory(model, 1) {
    if (!run.empty()) load_weights(model, (fs::path(run) / "weights.safetensors").string());
  }
};

// The network itself, with the interface of its release.
struct own_session {
  watched_session<backend::cpu> session;
  own_session(const layer_list& list, open_model& model) : session(list, model) {}
  std::span<const float> read(index_t token) { return session.read(token, nullptr); }
  void restart() { session.restart(); }
  [[nodiscard]] index_t position() const { return session.position(); }
  [[nodiscard]] index_t context() const { return session.context(); }
};

// Shows a session about `count` tokens of text, or as many patches of images.
void show_text(const token_windows& text, index_t count, watched_session<backend::cpu>& session,
               mlp_watcher& watcher) {
  const index_t windows = std::min(text.size(), (count + text.length() - 1) / text.length());
  for (index_t i = 0; i < windows; ++i) {
    session.restart();
    for (const int token : text.spread(i, windows)) (void)session.read(token, &watcher);
  }
}
template <class Data>
void show_data(const Data& data, index_t count, watched_session<backend::cpu>& session,
               mlp_watcher& watcher) {
  if constexpr (!SequenceDataset<Data>) {
    const held_samples held = hold(data, 0, std::min(data.size(), std::max<index_t>(1, count / 64)));
    for (index_t i = 0; i < held.size(); ++i)
      (void)session.answer({held.features(i), static_cast<std::size_t>(held.sample.size())}, &watcher);
  }
}

// How two sessions answer to text: greedy texts behind prompts, and every place of the prompts' windows.
template <class Other>
answers_beside compare_on(const token_windows& text, index_t choices, std::int64_t prompts, own_session& own,
                          Other& other) {
  constexpr index_t prompt_tokens = 16, written = 128;
  answers_beside found;
  const index_t windows = std::min<index_t>(prompts, text.size());
  answer_comparison all;
  for (index_t i = 0; i < windows; ++i) {
    const std::span<const int> read = text.spread(i, windows);
    own.restart(), other.restart();
    for (const int token : read) all.add(own.read(token), other.read(token));
    const std::vector<index_t> prompt(read.begin(),
                                      read.begin() + std::min<index_t>(prompt_tokens, text.length()));
    found.identical +=
        greedy_text(own, prompt, written, choices) == greedy_text(other, prompt, written, choices) ? 1 : 0;
  }
  found.prompts = windows, found.answers = all.answers;
  found.kl = all.mean_kl(), found.top_kl = all.mean_top_kl(), found.largest = all.largest;
  return found;
}

// The time of a pass of the released MLPs beside the same MLPs raw, the better of several turns of each.
double measured_work(open_model& model, const layer_list& list, const weight_release& r) {
  double released = 0, raw = 0;
  for (const mlp_place& place : mlp_places({list.begin(), list.size()})) {
    const auto at = r.mlps.find(place.name);
    if (at == r.mlps.end()) continue;
    const mlp_weights w = mlp_of(model, place);
    neuron_ranges any{std::vector<float>(static_cast<std::size_t>(w.hidden)),
                      std::vector<float>(static_cast<std::size_t>(w.hidden))};
    taylor_pass<backend::cpu> one(at->second), other(release_taylor(w, any, {.share = 0}, 0, 0));
    const std::vector<float> x(static_cast<std::size_t>(w.inputs), 0.1F);
    std::vector<float> y(static_cast<std::size_t>(w.outputs));
    const auto time = [&](taylor_pass<backend::cpu>& pass) {
      double best = 1e9;
      for (int turn = 0; turn < 20; ++turn) {
        const auto began = clock_type::now();
        for (int i = 0; i < 20; ++i) pass.run(x.data(), y.data());
        best = std::min(best, seconds_since(began));
      }
      return best;
    };
    released += time(one), raw += time(other);
  }
  return raw > 0 ? released / raw : 1;
}

std::uint64_t drawn_coins() {
  std::random_device system;
  return (std::uint64_t{system()} << 32) | std::uint64_t{system()};
}

}  // namespace

namespace {

// What a scheme of series hands out.
weight_release released_series(const open_network<open_model>& open, const run_options& options,
                               const release_options& request) {
  const bool sums = request.scheme == sums_release::name;
  const taylor_options series{
      .order = static_cast<int>(request.order),
      .share = request.share,
      .budget = request.budget,
      .precision = choose(release_precision_names, request.precision, "flag.236", "--precision"),
      .group = sums ? static_cast<int>(request.group) : 1};
  if (open.places().empty())
    fail("release.107", options.model,
         "found no MLP, expected one at least: two maps of tokens with SiLU or GELU between them, gated or "
         "not");
  const std::vector<neuron_ranges> ranges = calibrate<backend::cpu>(open, [&](auto& session, auto& watcher) {
    if (is_text(options.data))
      return show_text(release_text(options, request.run, request.text, split::train), request.calibration,
                       session, watcher);
    with_data(options, [&](const auto& load) {
      show_data(load(split::train), request.calibration, session, watcher);
    });
  });
  const std::uint64_t coins = request.seed ? *request.seed : drawn_coins();
  return sums ? sums_release{series}.release(open, ranges, coins)
              : taylor_release{series}.release(open, ranges, coins);
}

// The locked network's weights; `record` is what opens them with the key.
weight_release released_locked(const open_network<open_model>& open, const release_options& request,
                               std::optional<lock_record>& record) {
  const master_key key = master_key_named(request.key, request.opens);
  const auto copy = std::make_unique<open_model>(open.list);
  const arena memory(*copy, 1);
  copy_model(*copy, open.model);
  if (request.scheme == entangled_release::name) {
    record = lock_entangled(*copy, key).record;
  } else {
    masked_options mlps;
    for (const mlp_place& p : open.places()) mlps.layers.push_back(p.name);
    record = lock_masked(*copy, key, mlps);
  }
  return release_all(open_network<open_model>{open.list, *copy}, request.scheme);
}

}  // namespace

release_summary release_on_cpu(const run_options& options, const release_options& request) {
  loaded_run run(options, request.run);
  const open_network<open_model> open{run.list, run.model};
  std::optional<lock_record> record;
  const weight_release made = request.scheme == identity_release::name
                                  ? identity_release{}.release(open, {}, 0)
                              : request.locks() ? released_locked(open, request, record)
                                                : released_series(open, options, request);
  release_summary found;
  double work = 0, raw = 0;
  for (const auto& [name, mlp] : made.mlps) {
    ++found.mlps, found.neurons += mlp.hidden(), found.series += mlp.series();
    work += mlp.products();
    raw += static_cast<double>(mlp.hidden() * (mlp.inputs * (mlp.gated() ? 2 : 1) + mlp.outputs));
  }
  run.model.for_each_parameter([&](const scope&, auto& p) { found.weights += p.dims.size(); });
  found.numbers = made.size();
  if (raw > 0) found.work = work / raw;
  if (request.check > 0) {
    own_session own(run.list, run.model);
    released_session<backend::cpu> other(run.list, made);
    found.beside = compare_on(release_text(options, request.run, request.text, split::test),
                              classes_of(options), request.check, own, other);
    found.seconds = measured_work(run.model, run.list, made);
  }
  run_options written = options;
  written.out = request.out;
  const run_folder folder(written, start_of_run::fresh);
  copy_tokenizer(options, request.run, folder);
  save_release(made, folder.file(release_file_name));
  if (record) record->save(folder.file(lock_file_name));
  return found;
}

extract_summary extract_on_cpu(const run_options& options, const extract_options& request) {
  const weight_release given = load_release((fs::path(request.release) / release_file_name).string());
  loaded_run recovered(options, "");
  extract_summary found;
  const auto began = clock_type::now();
  const auto how = extract_network(recovered.model, recovered.list, given);
  found.seconds = seconds_since(began);
  found.compared = !request.truth.empty();
  std::unique_ptr<loaded_run> truth;
  if (found.compared) truth = std::make_unique<loaded_run>(options, request.truth);
  const extraction_report report =
      report_on(how, given, truth == nullptr ? nullptr : &truth->model, recovered.list);
  double sum = 0;
  for (const double r : report.residuals) sum += r;
  found.neurons = static_cast<std::int64_t>(report.residuals.size()), found.failed = report.failed;
  found.residual = report.residuals.empty() ? 0 : sum / static_cast<double>(report.residuals.size());
  found.residual_p99 = quantile(report.residuals, 0.99), found.residual_most = quantile(report.residuals, 1);
  if (found.compared) {
    found.share = report.share(), found.share_of_all = report.share_of_all();
    found.signs = report.signs, found.signs_right = report.signs_right;
    found.p50 = quantile(report.columns, 0.5), found.p90 = quantile(report.columns, 0.9);
    found.p99 = quantile(report.columns, 0.99), found.most = quantile(report.columns, 1);
    if (request.check > 0) {
      own_session own(truth->list, truth->model), other(recovered.list, recovered.model);
      found.beside = compare_on(release_text(options, request.truth, request.text, split::test),
                                classes_of(options), request.check, own, other);
    }
  }
  run_options written = options;
  written.out = request.out;
  const run_folder folder(written, start_of_run::fresh);
  copy_tokenizer(options, request.release, folder);
  save_weights(recovered.model, folder.file("weights.safetensors"),
               {{std::string(gate_entry), std::string(no_gate)}});
  return found;
}

namespace {

// What was handed out, with the key the network itself.
weight_release opened_release(const layer_list& list, const std::string& folder, const std::string& key,
                              const sealed_key_flags& opens) {
  weight_release given = load_release((fs::path(folder) / release_file_name).string());
  if (key.empty()) return given;
  const master_key with = master_key_named(key, opens);
  const std::string file = (fs::path(folder) / lock_file_name).string();
  const auto made = std::make_unique<model_of_release<backend::cpu>>(list, given);
  if (lock_record::kind_of(file) == entangled_lock::kind)
    unlock_entangled(made->model, with, entangled_lock::load(file));
  else
    unlock_masked(made->model, with, lock_record::load(file, masked_kind));
  return release_all(open_network<open_model>{list, made->model}, identity_release::name);
}

class released_source final : public token_source {
 public:
  released_source(const layer_list& list, const weight_release& r) : session_(list, r) {}
  std::span<const float> read(index_t token) override { return session_.read(token); }
  void restart() override { session_.restart(); }
  [[nodiscard]] index_t position() const override { return session_.position(); }
  [[nodiscard]] index_t context() const override { return session_.context(); }

 private:
  released_session<backend::cpu> session_;
};

}  // namespace

std::unique_ptr<token_source> open_release(const run_options& options, const std::string& folder,
                                           const std::string& key, const sealed_key_flags& opens) {
  const layer_list list = layers_of(options, outputs_of(options));
  return std::make_unique<released_source>(list, opened_release(list, folder, key, opens));
}
