// message: SpanKey: the parts of this blend need different heads
#include "spankey/loss/deny/blend.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/reject_head.hpp"

#ifndef SPANKEY_BREAK
using parts = spankey::blend<spankey::reject_class, spankey::margin>;
#else
using parts = spankey::blend<spankey::reject_class, spankey::reject_head>;
#endif

constexpr spankey::index_t logits = parts::outputs(10);
