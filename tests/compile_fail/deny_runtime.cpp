// message: SpanKey: deny losses that are chosen at run time need the same head
#include "spankey/loss/deny/entropy.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/runtime.hpp"
#include "spankey/loss/deny/sealed.hpp"

#ifndef SPANKEY_BREAK
using losses = spankey::runtime_deny<spankey::reject_class, spankey::sealed>;
#else
using losses = spankey::runtime_deny<spankey::reject_class, spankey::entropy>;
#endif

constexpr spankey::index_t logits = losses::outputs(10);
