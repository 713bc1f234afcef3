// What a run would take: the network's size, its memory plan and, where wanted, the memory of one step. Included where
// run_functions are compiled.
#pragma once

#include <cstdio>
#include <optional>

#include "memory_report.hpp"
#include "run_model.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/train/trainer.hpp"

template <class Backend, class Scalar>
struct run_description {
  /// Fails with flag.128 where --measure has nothing to look at, flag.256 where it has several parts to look at.
  static void describe(const run_options& options, bool measure) {
    using namespace spankey;
    constexpr bool on_host = memory_of<Backend>::on_host;
    if (measure && !on_host)
      fail("flag.128", "--measure", "found --device ", options.device,
           ", but what is measured is the memory of this process; expected --device cpu");
    if (measure && options.part_count() > 1)
      fail("flag.256", "--measure", "found --parts ", options.part_count(),
           ", but what is measured is a step of one model; expected one part");
    std::fputs(device_text<Backend>::text().c_str(), stdout);
    const auto model = make_model<Backend, Scalar>(options);
    index_t parameters = 0;
    model->for_each_parameter([&](const scope&, auto& p) { parameters += p.dims.size(); });
    const index_t groups = goal_of(options).groups(), samples = groups * options.batch;
    std::printf("model: %s, %lld parameters, %lld outputs\n", options.model.c_str(),
                static_cast<long long>(parameters), static_cast<long long>(index_t(model->head())));
    std::printf("step: %lld images in %lld groups, %lld samples\n", static_cast<long long>(options.batch),
                static_cast<long long>(groups), static_cast<long long>(samples));
    const memory_plan plan = plan_memory(*model, planned_samples(options, true));
    if (const index_t parts = options.part_count(); parts > 1) {
      const std::size_t others =
          static_cast<std::size_t>(parts - 1) * plan_memory(*model, planned_samples(options, false)).bytes();
      std::printf("parts: %lld, a model and %lld samples a step each; all in one process take %.1f MiB\n",
                  static_cast<long long>(parts), static_cast<long long>(samples / parts),
                  static_cast<double>(plan.bytes() + others) / (1 << 20));
      std::puts("of the first part of a process, which also evaluates:");
    }
    print_plan(plan);
    if constexpr (on_host) {
      if (measure) measure_step(options, *model);
    }
  }

 private:
  // One step of the run on drawn samples. Everything but the arena is made, and resident, before it: what the peak then
  // has above both is memory that the plan does not know of.
  static void measure_step(run_options options, run_model<Backend, Scalar>& model) {
    const spankey::extents input = input_of(options);
    if (network_named(options.model).takes_text()) {
      measure_step_on(options, model, drawn_text(options.batch, options.seed, input.height));
    } else if (network_named(options.model).takes_features()) {
      measure_step_on(options, model,
                      drawn_features(options.batch, options.seed, input, classes_of(options)));
    } else {
      measure_step_on(options, model, drawn_images(options.batch, options.seed, input, classes_of(options)));
    }
  }
  template <class Data>
  static void measure_step_on(run_options options, run_model<Backend, Scalar>& model, const Data& drawn) {
    using namespace spankey;
    const objective<chosen_deny> goal = goal_of(options);
    std::optional<key_space> keys;
    if (options.keyed()) keys.emplace(options.key_space(), sites_of(model.site_shapes(), options.sites));
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
