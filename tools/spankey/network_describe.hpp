// What a run would take: the network's size, its memory plan and, where wanted, the memory of one step. Included by
// network_NAME.cpp alone.
#pragma once

#include <cstdio>
#include <optional>

#include "memory_report.hpp"
#include "network_types.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/train/trainer.hpp"

template <class Family>
struct network_description {
  /// Fails with flag.128 where --measure has nothing to look at.
  static void describe(const run_options& options, bool measure) {
    using namespace spankey;
    constexpr bool on_host = memory_of<typename Family::backend>::on_host;
    if (measure && !on_host)
      fail("flag.128", "--measure", "found --device ", options.device,
           ", but what is measured is the memory of this process; expected --device cpu");
    std::fputs(device_text<typename Family::backend>::text().c_str(), stdout);
    with_types(options, [&](auto deny, auto scalar) {
      auto model = Family::template make<decltype(deny), decltype(scalar)>(options);
      index_t parameters = 0;
      model->for_each_parameter([&](const scope&, auto& p) { parameters += p.dims.size(); });
      const index_t groups = group_count(deny.denies, options.groups());
      const index_t samples = groups * options.batch;
      std::printf("model: %s, %lld parameters, %lld outputs\n", options.model.c_str(),
                  static_cast<long long>(parameters), static_cast<long long>(index_t(model->outputs)));
      std::printf("step: %lld images in %lld groups, %lld samples\n", static_cast<long long>(options.batch),
                  static_cast<long long>(groups), static_cast<long long>(samples));
      print_plan(plan_memory(*model, samples));
      if constexpr (on_host) {
        if (measure) measure_step(options, deny, *model);
      }
    });
  }

 private:
  // One step of the run on drawn samples. Everything but the arena is made, and resident, before it: what the peak then
  // has above both is memory that the plan does not know of.
  template <class Deny, class Model>
  static void measure_step(run_options options, Deny deny, Model& model) {
    using namespace spankey;
    const auto drawn = Family::drawn(options.batch, options.seed);
    const objective<Deny> goal = Family::goal(options, deny);
    std::optional<key_space> keys;
    if (options.keyed()) keys.emplace(options.key_space(), sites_of<Model>(options.sites));
    options.epochs = 1;
    trainer run(model, goal, keys ? &*keys : nullptr, drawn, options.training({}));
    const resident_memory before = read_resident_memory();
    forget_peak();
    const arena memory(model, goal.groups() * options.batch);
    initialise(model, options.seed);
    silent_observer nobody;
    run.run(nobody);
    print_measured(before, memory.bytes(), read_resident_memory());
  }
};
