// message: deleted
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/train/evaluate.hpp"

using network = spankey::mlp<5, spankey::ungated, spankey::backend::cpu, float>;

// The evaluation keeps a reference: a temporary would be gone before it runs.
spankey::gate_report gate(network& model, const spankey::feature_dataset& data) {
#ifdef SPANKEY_BREAK
  spankey::gate_evaluation run(model, nullptr, spankey::feature_dataset(data), 8, {});
#else
  spankey::gate_evaluation run(model, nullptr, data, 8, {});
#endif
  return run.run();
}
