// message: nodiscard
#pragma GCC diagnostic error "-Wunused-result"
#pragma GCC diagnostic error "-Wunused-value"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/mlp.hpp"

using network = spankey::mlp<5, spankey::ungated, spankey::backend::cpu, float>;

// Memory that is gone at the semicolon.
bool planned(network& model) {
#ifdef SPANKEY_BREAK
  spankey::arena(model, 4);
#else
  const spankey::arena memory(model, 4);
#endif
  return model.planned().samples() == 4;
}
