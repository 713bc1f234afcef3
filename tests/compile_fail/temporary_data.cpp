// message: deleted
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/train/evaluate.hpp"
#include "spankey/train/trainer.hpp"

using network = spankey::mlp<5, spankey::ungated, spankey::backend::cpu, float>;

// The trainer keeps a reference: a temporary would be gone before it runs.
double steps(network& model, const spankey::feature_dataset& data) {
  const spankey::objective<spankey::no_deny> goal{.classes = 5};
#ifdef SPANKEY_BREAK
  spankey::trainer run(model, goal, nullptr, spankey::feature_dataset(data), {.batch = 8});
#else
  spankey::trainer run(model, goal, nullptr, data, {.batch = 8});
#endif
  return static_cast<double>(run.steps_per_epoch());
}
