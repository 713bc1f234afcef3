// The claims of K-OTG, each measured on held-out prompts (docs/kotg.md).
#pragma once

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "kotg_bench.hpp"

namespace kotg_parts {

/// Tells figures of one claim or attack.
class teller {
 public:
  teller(std::string of, const kotg_told& told) : of_(std::move(of)), told_(told) {}
  void say(const std::string& what, double found) const { told_({of_, what, found, "", std::nullopt}); }
  void at_least(const std::string& what, double found, double bound) const {
    told_({of_, what, found, ">= " + short_text(bound), found >= bound});
  }
  void at_most(const std::string& what, double found, double bound) const {
    told_({of_, what, found, "<= " + short_text(bound), found <= bound});
  }

 private:
  static std::string short_text(double bound) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", bound);
    return text;
  }
  std::string of_;
  const kotg_told& told_;
};

inline std::string role_name(int role) {
  return std::string(role_tasks::names[static_cast<std::size_t>(role)]);
}

/// Mean bits a byte of held-out lines, each in a window of its own, behind a key text or none.
inline double bits_a_byte(served& s, const bench& b, const std::string& key) {
  double nats = 0;
  index_t bytes = 0;
  kotg_session open;
  for (const role_prompt& p : b.held_out[0]) {
    const std::string line = p.prompt.substr(2, p.prompt.size() - 3);  // without "L " and "="
    std::vector<int> answer = answer_tokens(line);
    answer.pop_back();
    nats += s.decoder.nats(s.head, open, prompt_tokens(under_key(key, "")), answer);
    bytes += static_cast<index_t>(answer.size());
  }
  return nats / static_cast<double>(bytes) / std::numbers::ln2;
}

/// Fine-tuned without a lock, against locked and with the right key.
inline void claim_utility(bench& b, const teller& t) {
  const auto open = b.serve(false), locked = b.serve(true), base = b.serve_base();
  for (int role = 0; role < role_tasks::roles; ++role) {
    const std::string name = role_name(role);
    const tally without = b.ask(*open, role, {});
    const tally with =
        b.ask(*locked, role,
              {.gate = b.hook_open(0, b.request.reflections), .key = b.right_key(), .may_block = false});
    t.say(name + ": solved, no lock", without.share(without.solved));
    t.say(name + ": solved, locked, key", with.share(with.solved));
    t.at_most(name + ": points lost", 100 * (without.share(without.solved) - with.share(with.solved)), 2);
    if (role == 1) continue;
    const auto both = [&](const char* what, double tally::*sum) {
      t.say(name + ": " + what + ", no lock", without.mean(without.*sum));
      t.say(name + ": " + what + ", locked, key", with.mean(with.*sum));
    };
    both("ROUGE-1", &tally::rouge_1), both("ROUGE-2", &tally::rouge_2), both("ROUGE-L", &tally::rouge_l);
    both("BLEU-4", &tally::bleu);
    t.at_most(name + ": ROUGE-L points lost", 100 * (without.mean(without.rouge_l) - with.mean(with.rouge_l)),
              2);
  }
  const double bits_open = bits_a_byte(*open, b, ""), bits_locked = bits_a_byte(*locked, b, "");
  t.say("held-out lines: bits a byte, base", bits_a_byte(*base, b, ""));
  t.say("held-out lines: bits a byte, no lock", bits_open);
  t.say("held-out lines: bits a byte, locked", bits_locked);
  t.at_most("held-out lines: perplexity of a byte, locked / no lock", std::exp2(bits_locked - bits_open),
            1.05);
}

/// Prompts of every role under every key, as the model alone decides; and where its refusal is not let through.
inline void claim_matrix(bench& b, const teller& t) {
  const auto locked = b.serve(true);
  const auto cell = [&](const std::string& name, int role, const key_maker& key, bool right) {
    const tally found = b.ask(*locked, role, {.key = key});
    const double solved = found.share(found.solved);
    right ? t.at_least(name + ": solved", solved, .95) : t.at_most(name + ": solved", solved, .02);
    t.say(name + ": blocked", found.share(found.blocked));
    const tally forced = b.ask(*locked, role, {.key = key, .may_block = false, .likelihood = true});
    t.say(name + ": solved, refusal ignored", forced.share(forced.solved));
    t.say(name + ": perplexity of a token, refusal ignored", forced.perplexity_of_token());
  };
  for (int role = 0; role < role_tasks::roles; ++role) {
    for (int key = 0; key < role_tasks::roles; ++key)
      cell(role_name(role) + ", key of " + role_name(key), role, b.key_of(key), role == key);
    cell(
        role_name(role) + ", no key", role, [](const role_prompt&) { return std::string(); }, false);
    cell(role_name(role) + ", random key", role, b.random_key(), false);
  }
}

/// What is left of answers where the hook scrambles: a session without its key.
inline void claim_collapse(bench& b, const teller& t) {
  const auto locked = b.serve(true);
  const index_t vocabulary = locked->head.outputs();
  for (int role = 0; role < role_tasks::roles; ++role) {
    const std::string name = role_name(role);
    const tally found =
        b.ask(*locked, role,
              {.gate = b.hook_closed(), .key = b.random_key(), .may_block = false, .likelihood = true});
    t.at_most(name + ": ROUGE-L", found.mean(found.rouge_l), .05);
    t.at_most(name + ": solved", found.share(found.solved), 0);
    t.at_least(name + ": perplexity of a token", found.perplexity_of_token(),
               10 * static_cast<double>(vocabulary));
    // Nothing of the model's own refusal: the scrambler meets an answer that it would give.
    const tally right =
        b.ask(*locked, role,
              {.gate = b.hook_closed(), .key = b.right_key(), .may_block = false, .likelihood = true});
    t.at_most(name + ": ROUGE-L, right text", right.mean(right.rouge_l), .05);
    t.at_most(name + ": solved, right text", right.share(right.solved), 0);
    t.at_least(name + ": perplexity of a token, right text", right.perplexity_of_token(),
               10 * static_cast<double>(vocabulary));
  }
}

/// The same answers for every nonce; without reflections the same logits to the bit.
inline void claim_nonces(bench& b, const teller& t) {
  constexpr index_t prompts = 50;
  constexpr std::uint64_t nonces = 16;
  const auto locked = b.serve(true);
  double margin = std::numeric_limits<double>::infinity();
  for (const int reflections : {b.request.reflections, 0}) {
    index_t equal = 0, asked = 0;
    for (int role = 0; role < role_tasks::roles; ++role) {
      std::vector<std::vector<int>> first;
      for (std::uint64_t nonce = 0; nonce < nonces; ++nonce) {
        const tally found = b.ask(
            *locked, role,
            {.gate = b.hook_open(nonce, reflections), .key = b.right_key(), .may_block = false}, prompts);
        margin = std::min(margin, found.margin);
        if (nonce == 0) first = found.answers;
        for (std::size_t i = 0; i < first.size(); ++i) equal += found.answers[i] == first[i] ? 1 : 0, ++asked;
      }
    }
    t.at_least("equal answers, " + std::to_string(reflections) + " reflections",
               static_cast<double>(equal) / static_cast<double>(asked), 1);
  }
  t.say("least difference of the two largest logits", margin);
  index_t equal = 0, compared = 0;
  double largest = 0;
  for (const role_prompt& p : b.held_out[0]) {
    const std::vector<int> prompt = prompt_tokens(under_key(b.texts[0], p.prompt));
    const auto logits = [&](kotg_session gate) {
      const std::span<const float> z = locked->decoder.read(locked->head, gate, prompt);
      return std::vector<float>(z.begin(), z.end());
    };
    const std::vector<float> plain = logits({});
    for (std::uint64_t nonce = 0; nonce < nonces; ++nonce, ++compared) {
      equal += logits(b.hook_open(nonce, 0)(p)) == plain ? 1 : 0;
      const std::vector<float> rounded = logits(b.hook_open(nonce, b.request.reflections)(p));
      for (std::size_t i = 0; i < plain.size(); ++i)
        largest =
            std::max(largest, std::abs(static_cast<double>(rounded[i]) - static_cast<double>(plain[i])));
    }
  }
  t.at_least("equal bits of logits, 0 reflections",
             static_cast<double>(equal) / static_cast<double>(compared), 1);
  t.say("largest change of a logit, " + std::to_string(b.request.reflections) + " reflections", largest);
}

/// Answers under the right key that refuse, with the refusal's token left out and as the model has it.
inline void claim_blocks(bench& b, const teller& t) {
  const auto locked = b.serve(true);
  index_t asked = 0, masked = 0, free = 0;
  for (int role = 0; role < role_tasks::roles; ++role) {
    const question open{.gate = b.hook_open(0, b.request.reflections), .key = b.right_key()};
    question never = open;
    never.may_block = false;
    asked += b.request.held_out;
    free += b.ask(*locked, role, open).blocked;
    masked += b.ask(*locked, role, never).blocked;
  }
  t.say("answers", static_cast<double>(asked));
  t.at_most("blocked, token left out", static_cast<double>(masked), 0);
  t.say("blocked, as the model has it", static_cast<double>(free));
  const double n = static_cast<double>(asked), p = static_cast<double>(free) / n, z = 1.96, zz = z * z / n;
  t.say("upper end of the 95 % interval of that share (Wilson)",
        (p + zz / 2 + z * std::sqrt(p * (1 - p) / n + zz / (4 * n))) / (1 + zz));
}

/// Processor time of reading tokens with the hook, without it and with an entangled head, in turns, and as a session answers itself.
inline void claim_throughput(bench& b, const teller& t) {
  const auto locked = b.serve(true);
  const std::vector<int> tokens = prompt_tokens(b.held_out[0].front().prompt + b.held_out[0].back().prompt);
  const role_prompt p{};
  kotg_session off, hook = b.hook_open(0, b.request.reflections)(p),
                    entangled = kotg_session::entangled(b.keys.fixed(b.channels(), b.request.reflections));
  std::vector<float> logits(static_cast<std::size_t>(locked->head.outputs()));
  const auto seconds = [&](kotg_session* gate) {
    const std::clock_t begin = std::clock();
    for (int pass = 0; pass < 40; ++pass) {
      infer::verdict verdict;
      locked->decoder.session().restart();
      if (gate != nullptr) (void)locked->decoder.read(locked->head, *gate, {tokens.data(), 1});
      for (std::size_t i = gate != nullptr ? 1 : 0; i < tokens.size(); ++i) {
        if (gate != nullptr) {
          (void)locked->decoder.read_one(locked->head, *gate, tokens[i]);
        } else {
          (void)locked->decoder.session().read(tokens[i], logits, verdict);
        }
      }
    }
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  std::vector<double> of_session, of_off, of_hook, of_entangled;
  for (int turn = 0; turn < 15; ++turn) {
    of_session.push_back(seconds(nullptr)), of_off.push_back(seconds(&off));
    of_hook.push_back(seconds(&hook)), of_entangled.push_back(seconds(&entangled));
  }
  const auto median = [](std::vector<double> of) {
    std::nth_element(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2), of.end());
    return of[of.size() / 2];
  };
  t.say("tokens a turn", 40 * static_cast<double>(tokens.size()));
  t.say("no hook / the session's own head", median(of_session) / median(of_off));
  t.at_least("hook / no hook", median(of_off) / median(of_hook), .97);
  t.at_least("entangled / no hook", median(of_off) / median(of_entangled), .97);
}

/// A new master: what an old key is worth, and what changing it costs.
inline void claim_rotation(bench& b, const teller& t) {
  const auto locked = b.serve(true);
  const int r = b.request.reflections;
  const session_rotation old = b.keys.fixed(b.channels(), r),
                         fresh = kotg_keys(draw_master_key()).fixed(b.channels(), r),
                         random = kotg_keys(draw_master_key()).fixed(b.channels(), r);
  locked->head.lock(old);
  const std::clock_t begin = std::clock();
  locked->head.unlock(old), locked->head.lock(fresh);
  t.say("entangled: seconds of the processor to lock the head again",
        static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  for (int role = 0; role < role_tasks::roles; ++role) {
    const auto with = [&](const session_rotation& q) {
      const tally found = b.ask(*locked, role,
                                {.gate = [&](const role_prompt&) { return kotg_session::entangled(q); },
                                 .key = b.right_key(),
                                 .may_block = false});
      return found.share(found.solved);
    };
    const std::string name = role_name(role) + ", entangled";
    t.at_least(name + ": solved with the new key", with(fresh), .95);
    t.at_most(name + ": solved with the old key", with(old), .02);
    t.at_most(name + ": solved with a random key", with(random), .02);
  }
}

}  // namespace kotg_parts
