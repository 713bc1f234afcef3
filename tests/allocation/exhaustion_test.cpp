// No memory for one allocation, each of a small training run in turn: an error or the right end, and no checkpoint lost.
#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "file/scratch_directory.hpp"
#include "heap_counter.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/file/append_file.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;
using spankey_test::fail_allocation;
using spankey_test::scratch_directory;

namespace {

// There is no power cut here.
struct unflushed : posix_calls {
  static int fsync(int) { return 0; }
};

using network = mlp<6, gate<multiplicative, at<0>>, backend::cpu, float>;
using bits = std::vector<std::uint32_t>;

// Three steps, with a checkpoint after the first and the last; goes on where one is. What the model is at the end.
bits small_run(const feature_dataset& data, const std::string& folder) {
  const auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 1});
  const std::vector<int> sites = {0};
  key_space keys({.subspace_dim = 2}, sites_of<network>(sites));
  const objective<reject_class> goal{.classes = 5};
  const arena memory(*model, 2 * 4);
  initialise(*model, 1);
  training_options options{.epochs = 1, .batch = 4, .augment = {}};
  basic_checkpoint_series<unflushed> series(folder);
  const auto found = series.load(*model, [](const training_state&) {});
  struct watcher {
    network& model;
    basic_checkpoint_series<unflushed>& series;
    void on_step(const step_record&) {}
    void on_epoch(const epoch_record&) {}
    bool on_position(const training_position& at) {
      if (at.steps != 2) series.save(model, {at, {{"note", "n"}}});
      return true;
    }
  } watching{*model, series};
  trainer(*model, goal, &keys, data, options).run(watching, found ? found->state.at : training_position{});
  bits all;
  model->for_each_parameter([&](const scope&, auto& p) {
    for (const auto* part : {&p.value, &p.momentum})
      for (index_t i = 0; i < part->count; ++i) all.push_back(std::bit_cast<std::uint32_t>(part->data[i]));
  });
  return all;
}

}  // namespace

TEST_CASE("no memory for the n-th allocation of a small run, for all n") {
  const thread_limit one(1);
  const feature_dataset data = make_linear_task(12, 5, split::train);
  bits expected;
  long calls = 0;
  {
    const scratch_directory directory;
    small_run(data, directory.path());  // oneTBB warms up
  }
  {
    const scratch_directory directory;
    const long before = spankey_test::heap_allocations();
    expected = small_run(data, directory.path());
    calls = spankey_test::heap_allocations() - before;
  }
  long refused = 0, reached = 0;
  std::uint64_t oldest = 0;
  for (long n = 1; n <= calls; ++n) {
    const scratch_directory directory;
    bits found;
    bool failed = false;
    fail_allocation(n);
    try {
      found = small_run(data, directory.path());
    } catch (const std::bad_alloc&) {
      failed = true;
    } catch (const error&) {
      failed = true;
    }
    fail_allocation(0);
    CAPTURE(n);
    if (!failed) {
      ++reached;
      if (found != expected) FAIL("another end than without a failure");
      continue;
    }
    ++refused;
    // What is there is whole, never older than what was there before, and leads to the right end.
    const auto all = checkpoints_in(directory.path());
    const std::uint64_t newest = all.empty() ? 0 : all.front();
    CHECK(newest >= oldest);
    oldest = newest;
    network model;
    const arena memory(model, 1);
    const auto again = checkpoint_series(directory.path()).load(model, [](const training_state&) {});
    if (again) CHECK(again->damaged.empty());
    if (small_run(data, directory.path()) != expected) FAIL("another end after going on");
  }
  MESSAGE(calls << " allocations: " << refused << " errors, " << reached << " right ends, 0 lost");
  CHECK(refused > 100);
  CHECK(oldest == 3);
}
