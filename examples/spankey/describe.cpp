#include "spankey/backend/cpu/describe.hpp"

#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "network.hpp"
#include "spankey/train/step.hpp"

int describe_run(const run_options& options) {
  require_consistent(options);
  require_keys_fit(options);
  std::fputs(spankey::describe().c_str(), stdout);
  with_types(options, [&](auto deny, auto scalar) {
    auto model = make_model<decltype(deny), decltype(scalar)>(options);
    spankey::index_t parameters = 0;
    model->for_each_parameter([&](const spankey::scope&, auto& p) { parameters += p.dims.size(); });
    const spankey::index_t groups = spankey::group_count(deny.denies, options.groups());
    const spankey::index_t samples = groups * options.batch;
    const spankey::memory_plan plan = spankey::plan_memory(*model, samples);
    std::printf("model: %s, %lld parameters, %lld outputs\n", options.model.c_str(),
                static_cast<long long>(parameters), static_cast<long long>(model->outputs));
    std::printf("step: %lld images in %lld groups, %lld samples\n", static_cast<long long>(options.batch),
                static_cast<long long>(groups), static_cast<long long>(samples));
    std::printf("arena: %.1f MiB\n", static_cast<double>(plan.bytes()) / (1 << 20));
    auto entries = plan.entries();
    std::stable_sort(entries.begin(), entries.end(), [](auto& a, auto& b) { return a.bytes > b.bytes; });
    for (std::size_t i = 0; i < std::min<std::size_t>(10, entries.size()); ++i)
      std::printf("  %8.1f MiB  %s%s\n", static_cast<double>(entries[i].bytes) / (1 << 20),
                  entries[i].name.c_str(),
                  entries[i].life == spankey::lifetime::scratch ? " (shared scratch)" : "");
  });
  return 0;
}
