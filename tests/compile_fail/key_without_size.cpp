// message: no match for .*operator=|no viable overloaded
#include <vector>

#include "spankey/inject/gated.hpp"

// A pointer says nothing of how much may be read behind it.
void bind(spankey::site_keys<float>& keys, std::vector<float>& key) {
#ifdef SPANKEY_BREAK
  keys.gradient[0] = key.data();
#else
  keys.gradient[0] = key;
#endif
}
