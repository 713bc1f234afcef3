#include "spankey/backend/cpu/describe.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "commands.hpp"
#include "network.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/train/trainer.hpp"

namespace {

using namespace spankey;

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// What a buffer's place is for, by its lifetime. Gradients of early layers lie over activations of late ones.
constexpr std::array<const char*, 5> lifetime_names = {"kept", "step", "step", "inner", "scratch"};

const char* name_of(lifetime life) { return lifetime_names[static_cast<std::size_t>(life)]; }

void print_plan(const memory_plan& plan) {
  std::printf("arena: %.1f MiB\n", mebibytes(plan.bytes()));
  const auto part = [](lifetime life, std::size_t bytes, const char* what) {
    std::printf("  %8.1f MiB  %s: %s\n", mebibytes(bytes), name_of(life), what);
  };
  const memory_layout& at = plan.layout();
  part(lifetime::kept, at.begin(lifetime::step), "parameters, their gradients and momentum, statistics");
  part(lifetime::step, at.begin(lifetime::inner) - at.begin(lifetime::step),
       "activations, and gradients over those that nobody needs any more");
  part(lifetime::inner, at.begin(lifetime::scratch) - at.begin(lifetime::inner),
       "inside a block, forward and backward; shared by all blocks");
  part(lifetime::scratch, at.bytes() - at.begin(lifetime::scratch), "one layer call; shared by all layers");

  auto entries = plan.entries();
  std::stable_sort(entries.begin(), entries.end(), [](auto& a, auto& b) { return a.bytes > b.bytes; });
  std::puts("largest buffers:");
  for (std::size_t i = 0; i < std::min<std::size_t>(10, entries.size()); ++i)
    std::printf("  %8.1f MiB  %s (%s)\n", mebibytes(entries[i].bytes), entries[i].name.c_str(),
                name_of(entries[i].life));
}

struct resident_memory {
  std::size_t now = 0, peak = 0;  // bytes
};

// Of this process, as Linux reports it. getrusage would not do: its peak includes that of the process that started us.
resident_memory read_resident_memory() {
  resident_memory found;
  std::ifstream file("/proc/self/status");
  for (std::string name; file >> name; file.ignore(1 << 16, '\n')) {
    std::size_t* const value = name == "VmRSS:" ? &found.now : name == "VmHWM:" ? &found.peak : nullptr;
    if (value != nullptr && file >> *value) *value *= 1024;  // in kB
  }
  if (found.now == 0 || found.peak == 0)
    fail("flag.112", "--measure", "this system does not report resident memory in /proc/self/status");
  return found;
}

// Lets the peak begin anew: drawing a large key space can take more than a step.
void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

// One step of the run with drawn images. Everything but the arena is made, and resident, before it: what the peak
// then has above both is memory that the plan does not know of.
template <class Deny, class Model>
void measure_step(const run_options& options, Deny deny, Model& model) {
  const image_dataset images = make_glyphs(options.batch, options.seed, split::train);
  const objective<Deny> goal{
      .classes = semantic_classes, .weight = options.deny_weight, .on = options.groups(), .deny = deny};
  std::optional<key_space> keys;
  if (options.keyed()) keys.emplace(options.key_space(), sites_of<Model>(options.sites));
  training_options settings;
  settings.epochs = 1;
  settings.batch = options.batch;
  settings.seed = options.seed;
  settings.rate = options.rate();
  settings.invalid = parse_invalid(options.invalid);
  trainer run(model, goal, keys ? &*keys : nullptr, images, settings);

  const resident_memory before = read_resident_memory();
  forget_peak();
  const arena memory(model, goal.groups() * options.batch);
  initialise(model, options.seed);
  silent_observer nobody;
  run.run(nobody);
  const resident_memory after = read_resident_memory();
  const auto line = [](std::size_t bytes, const char* what) {
    std::printf("  %8.1f MiB  %s\n", mebibytes(bytes), what);
  };
  std::puts("measured on one step of drawn images:");
  line(before.peak, "peak before the arena: drawing the key space");
  line(before.now, "resident before the arena: program, key space, images, batch and its keys");
  line(memory.bytes(), "arena");
  line(after.peak, "peak of the step");
  std::printf("  %8.3f      peak of the step / (before + arena)\n",
              static_cast<double>(after.peak) / static_cast<double>(before.now + memory.bytes()));
}

}  // namespace

int describe_run(const run_options& options, bool measure) {
  require_consistent(options);
  require_keys_fit(options);
  std::fputs(describe().c_str(), stdout);
  with_types(options, [&](auto deny, auto scalar) {
    auto model = make_model<decltype(deny), decltype(scalar)>(options);
    index_t parameters = 0;
    model->for_each_parameter([&](const scope&, auto& p) { parameters += p.dims.size(); });
    const index_t groups = group_count(deny.denies, options.groups());
    const index_t samples = groups * options.batch;
    std::printf("model: %s, %lld parameters, %lld outputs\n", options.model.c_str(),
                static_cast<long long>(parameters), static_cast<long long>(model->outputs));
    std::printf("step: %lld images in %lld groups, %lld samples\n", static_cast<long long>(options.batch),
                static_cast<long long>(groups), static_cast<long long>(samples));
    print_plan(plan_memory(*model, samples));
    if (measure) measure_step(options, deny, *model);
  });
  return 0;
}
