// A gated small_cnn as a product runs it: weights, keys and images are constants (case.hpp, which target_case.cpp
// writes), the working memory is one array, nothing is taken from a heap. Prints lines of words:
//   answer STATE IMAGE CLASS REJECTED LOGIT...   STATE is none, valid, invalid, wiped; logits as the bits of a float
//   cost WHAT INSTRUCTIONS                       where the machine counts them
//   size WHAT BYTES                              weights and case: constants; memory, session; stack where it is seen
//   end STATUS
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "case.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/model/small_cnn.hpp"
#include "target.hpp"

namespace {

using namespace spankey;
using infer::status;
using network = small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>;
using network_session = infer::session<network, case_weight>;
static_assert(sizeof case_weights == network_session::image_bytes);

alignas(infer::image_alignment) std::byte working_memory[network_session::memory_bytes];

// A line of words, without printf, which is larger than the network's code.
class line {
 public:
  line& word(const char* text) {
    if (used_ != 0) put(' ');
    while (*text != 0) put(*text++);
    return *this;
  }
  line& number(std::uint64_t value) {
    char digits[21];
    char* first = digits + sizeof digits - 1;
    *first = 0;
    do {
      *--first = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return word(first);
  }
  line& bits(float value) {
    char digits[9] = {};
    for (unsigned i = 0; i < 8; ++i)
      digits[i] = "0123456789abcdef"[std::bit_cast<std::uint32_t>(value) >> (28 - 4 * i) & 15U];
    return word(digits);
  }
  void end() {
    text_[used_] = '\n';
    text_[used_ + 1] = 0;
    print(text_);
  }

 private:
  void put(char c) {
    if (used_ < sizeof text_ - 2) text_[used_++] = c;
  }
  char text_[160];
  std::size_t used_ = 0;
};

void size(const char* what, std::size_t bytes) { line().word("size").word(what).number(bytes).end(); }

template <class F>
status counted(const char* what, F&& call) {
  const std::uint64_t before = instructions();
  const status s = call();
  if (const std::uint64_t count = instructions() - before; count != 0)
    line().word("cost").word(what).number(count).end();
  return s;
}

status answers(network_session& session, const char* state) {
  infer::answer<network> answer;
  for (std::size_t i = 0; i < std::size(case_images); ++i) {
    const auto run = [&] { return session.run(case_images[i], answer); };
    if (const status s = i == 0 ? counted(state, run) : run(); s != status::ok) return s;
    line text;
    text.word("answer").word(state).number(i);
    text.number(static_cast<std::uint64_t>(answer.semantic_class)).number(answer.rejected ? 1 : 0);
    for (const float logit : answer.logits) text.bits(logit);
    text.end();
  }
  return status::ok;
}

status under_key(network_session& session, const case_key& key, const char* state) {
  const std::array<std::span<const float>, 2> sites = {key.site1, key.site2};
  if (const status s = counted("bind", [&] { return session.bind(sites); }); s != status::ok) return s;
  return answers(session, state);
}

status every_state() {
  network_session session;
  const std::span<const std::byte> weights = std::as_bytes(std::span(case_weights));
  status s = counted("open", [&] { return session.open(weights, working_memory); });
  if (s == status::ok) s = answers(session, "none");
  if (s == status::ok) s = under_key(session, case_valid, "valid");
  if (s == status::ok) s = under_key(session, case_invalid, "invalid");
  session.wipe_key();
  std::size_t left = 0;
  for (const std::byte b : working_memory) left += b == std::byte{0} ? 0 : 1;
  size("left-by-key", left);
  if (s == status::ok) s = answers(session, "wiped");
  return s;
}

}  // namespace

int firmware() {
  size("weights", sizeof case_weights);
  size("case", sizeof case_images + sizeof case_valid + sizeof case_invalid);
  size("memory", sizeof working_memory);
  size("session", sizeof(network_session));
  const status s = every_state();
  if (const std::size_t stack = stack_bytes(); stack != 0) size("stack", stack);
  line().word("end").word(infer::message_of(s)).end();
  return s == status::ok ? 0 : 1;
}
