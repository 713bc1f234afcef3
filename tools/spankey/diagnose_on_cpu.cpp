#include <algorithm>
#include <filesystem>
#include <optional>
#include <type_traits>

#include "diagnose.hpp"
#include "metrics_report.hpp"
#include "run_folder.hpp"
#include "run_model.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/train/evaluate.hpp"

namespace {

using namespace spankey;

// Shares of energy of drawn keys at every site, some keys at a time.
std::vector<std::vector<double>> shares_of(key_space& keys, const invalid_rule* rule, index_t count,
                                           std::uint64_t seed) {
  constexpr index_t at_once = 50;
  const std::size_t sites = keys.sites().size();
  std::vector<secret_vector<float>> drawn;
  std::vector<float*> to;
  for (const site& s : keys.sites())
    to.push_back(drawn.emplace_back(static_cast<std::size_t>(at_once * s.shape.size())).data());
  std::vector<std::vector<double>> shares(sites);
  for (index_t done = 0; done < count; done += at_once) {
    const index_t n = std::min(at_once, count - done);
    const random_source source(seed, stream::diagnosis, static_cast<std::uint64_t>(done));
    if (rule == nullptr) {
      keys.draw_valid(source, n, to);
    } else {
      keys.draw_invalid(*rule, source, n, to);
    }
    for (std::size_t s = 0; s < sites; ++s) {
      const subspace& span = keys.subspace_of(static_cast<index_t>(s));
      for (index_t i = 0; i < n; ++i) shares[s].push_back(span.energy_share(to[s] + i * span.size()));
    }
  }
  return shares;
}

std::vector<site_energy> energy_of(key_space& keys, const std::vector<invalid_rule>& rules, index_t count,
                                   std::uint64_t seed) {
  std::vector<site_energy> found;
  for (std::size_t s = 0; s < keys.sites().size(); ++s) {
    const subspace& span = keys.subspace_of(static_cast<index_t>(s));
    found.push_back({keys.sites()[s].number, span.dimension(), span.size(), {}});
  }
  const auto add = [&](const std::string& kind, const invalid_rule* rule) {
    const auto shares = shares_of(keys, rule, count, seed);
    for (std::size_t s = 0; s < found.size(); ++s)
      if (found[s].dimension < found[s].size)
        found[s].keys.push_back({kind, split_energy(shares[s], found[s].dimension, found[s].size)});
  };
  add("valid", nullptr);
  for (const invalid_rule& rule : rules) add(spelled_rule(rule), &rule);
  return found;
}

template <class Data>
void diagnose_on(const run_options& options, const diagnose_options& request, const Data& test,
                 diagnosis& found) {
  const std::filesystem::path run(request.run);
  const auto model = make_model<backend::cpu, float>(options);
  const index_t batch = std::min<index_t>(64, test.size());
  const arena memory(*model, batch);
  load_weights(*model, (run / "weights.safetensors").string());
  key_space keys = read_keys(options, (run / "key_space.safetensors").string());

  evaluation_options asked = options.evaluation();
  found.energy = energy_of(keys, asked.invalid, request.keys, options.seed);
  margin_options margins{.samples = std::min<index_t>(request.samples, test.size()),
                         .draws = request.draws,
                         .seed = options.seed};
  found.under_valid_keys = tail_of_margins(*model, keys, test, batch, margins);
  margins.base = margin_base::zero_key;
  found.under_zero_keys = tail_of_margins(*model, keys, test, batch, margins);
  asked.invalid = {invalid_rule{}};
  for (int angle = 10; angle < 90; angle += 10)
    asked.invalid.push_back({invalid_family::angle, static_cast<float>(angle)});
  found.gate = gate_evaluation(*model, &keys, test, batch, asked).run();
}

}  // namespace

diagnosis diagnose_on_cpu(const run_options& options, const diagnose_options& request) {
  diagnosis found;
  if (!options.keyed()) fail("flag.201", "diagnose", "found a run without keys; expected a gated one");
  with_data(options, [&](const auto& load) {
    const auto test = load(split::test);
    if constexpr (SequenceDataset<std::remove_cvref_t<decltype(test)>>) {
      fail("flag.202", "diagnose", "found a run of text; expected one of images or features");
    } else {
      diagnose_on(options, request, test, found);
    }
  });
  return found;
}
