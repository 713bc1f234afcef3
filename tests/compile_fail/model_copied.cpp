// message: deleted
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/mlp.hpp"

using network = spankey::mlp<5, spankey::ungated, spankey::backend::cpu, float>;

// A copy would share the arena of the first one: whoever initialises it writes both.
int parameters(network& model) {
#ifdef SPANKEY_BREAK
  network other = model;
#else
  network& other = model;
#endif
  int count = 0;
  other.for_each_parameter([&](const spankey::scope&, auto&) { ++count; });
  return count;
}
