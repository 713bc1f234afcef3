// What somebody makes of a K-OTG model who has its weights, or sees its sessions, but has no key (docs/kotg.md).
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kotg_claims.hpp"
#include "spankey/attack/probe.hpp"
#include "spankey/attack/procrustes.hpp"

namespace kotg_parts {

/// The shares of held-out prompts that are solved by role, where refusals are not let through.
inline void say_solved(bench& b, served& s, const teller& t, const std::string& how, const question& asked) {
  question forced = asked;
  forced.may_block = false, forced.likelihood = true;
  for (int role = 0; role < role_tasks::roles; ++role) {
    const tally found = b.ask(s, role, forced);
    t.say(how + ": " + role_name(role) + " solved", found.share(found.solved));
    t.say(how + ": " + role_name(role) + " perplexity of a token", found.perplexity_of_token());
  }
}

/// The hook is deleted, and the refusal's token left out.
inline void attack_hook(bench& b, const teller& t) {
  const auto locked = b.serve(true);
  say_solved(b, *locked, t, "hook deleted, no key", {});
  say_solved(b, *locked, t, "hook deleted, random key", {.key = b.random_key()});
  say_solved(b, *locked, t, "hook deleted, role's key", {.key = b.right_key()});
  locked->head.lock(b.keys.fixed(b.channels(), b.request.reflections));
  say_solved(b, *locked, t, "entangled, as it lies there, role's key", {.key = b.right_key()});
}

/// Adapters thrown away, or taken off twice.
inline void attack_zero(bench& b, const teller& t) {
  for (const double share : {0.0, -1.0}) {
    const auto left = b.serve(true, share);
    const std::string how = share == 0 ? "adapters zeroed" : "adapters negated";
    say_solved(b, *left, t, how + ", no key", {});
    say_solved(b, *left, t, how + ", role's key", {.key = b.right_key()});
    t.say(how + ": bits a byte of held-out lines", bits_a_byte(*left, b, ""));
  }
}

/// What stands before the head, and the token of the right answer behind it, of prompts that are asked in one way.
struct told_features {
  std::vector<float> x{};
  std::vector<int> next{};
};
inline told_features features_of(served& s, std::span<const role_prompt> prompts, const question& how) {
  told_features found;
  for (const role_prompt& p : prompts) {
    kotg_session gate = how.gate(p);
    (void)s.decoder.read(s.head, gate, prompt_tokens(under_key(how.key(p), p.prompt)));
    for (const int token : answer_tokens(p.answer)) {
      const std::span<const float> h = s.decoder.features();
      found.x.insert(found.x.end(), h.begin(), h.end());
      found.next.push_back(token);
      (void)s.decoder.read_one(s.head, gate, token);
    }
  }
  return found;
}

/// A head of the attacker's own, a linear map that is fitted to as many prompts with answers as the largest number of
/// demonstrations has: what it tells of held-out answers, token by token, from what a refusal leaves before the head, from
/// scrambled sessions, and from the base, which is the floor.
inline void attack_probe(bench& b, const teller& t) {
  const auto locked = b.serve(true), base = b.serve_base();
  const auto most = static_cast<std::size_t>(
      *std::max_element(b.request.demonstrations.begin(), b.request.demonstrations.end()));
  const auto tell = [&](const std::string& how, served& s, const question& asked) {
    for (int role = 0; role < role_tasks::roles; ++role) {
      const told_features known = features_of(s, b.training_of(role).first(most), asked),
                          held = features_of(s, b.held_out[static_cast<std::size_t>(role)], asked);
      const std::vector<int> answers =
          probe(known.x, b.channels(), known.next, s.head.outputs(), {}).answers(held.x);
      double right = 0;
      for (std::size_t i = 0; i < answers.size(); ++i) right += answers[i] == held.next[i] ? 1 : 0;
      t.say(how + ": tokens of " + role_name(role) + " told", right / static_cast<double>(answers.size()));
    }
  };
  tell("role's key", *locked, {.key = b.right_key()});
  tell("no key", *locked, {});
  tell("random key", *locked, {.key = b.random_key()});
  tell("scrambled sessions, role's key", *locked, {.gate = b.hook_closed(), .key = b.right_key()});
  tell("base (floor)", *base, {});
}

/// All weights are trained on some prompts with their answers, without keys; the same from the base, which is the floor. The
/// best of the rates counts, for both.
inline void attack_finetune(bench& b, const teller& t) {
  constexpr index_t batch = 16;
  for (const index_t demonstrations : b.request.demonstrations) {
    std::vector<role_prompt> seen;  // of the roles in turn
    for (index_t i = 0; i < demonstrations; ++i)
      seen.push_back(b.training_of(static_cast<int>(i % role_tasks::roles))[static_cast<std::size_t>(i)]);
    token_rows rows = open_rows(seen);
    while (rows.size() < batch)
      add_row(rows, prompt_tokens(seen[static_cast<std::size_t>(rows.size()) % seen.size()].prompt),
              answer_tokens(seen[static_cast<std::size_t>(rows.size()) % seen.size()].answer), 0);
    for (const bool locked : {true, false}) {
      std::array<double, role_tasks::roles> best{};
      for (const double rate : {1e-4, 1e-3}) {
        const auto model = std::make_unique<network>(b.short_list());
        keep_second_moment(*model);
        const arena memory(*model, batch);
        initialise(*model, 0);
        copy_known(b.base(), *model);
        if (locked) b.copy_merged(true, 1, *model);
        fine_tune(*model, rows, {.steps = b.request.updates, .batch = batch, .rate = rate},
                  [](std::uint64_t, double) {});
        const auto plain = std::make_unique<network>(b.list());
        const arena of_plain(*plain, 1);
        initialise(*plain, 0);
        copy_known(*model, *plain);
        served s(b.list(), *plain);
        for (int role = 0; role < role_tasks::roles; ++role) {
          const tally found = b.ask(s, role, {.may_block = false});
          double& most = best[static_cast<std::size_t>(role)];
          most = std::max(most, found.share(found.solved));
        }
      }
      for (int role = 0; role < role_tasks::roles; ++role)
        t.say(std::to_string(demonstrations) + " demonstrations, " + (locked ? "merged" : "base (floor)") +
                  ": " + role_name(role) + " solved",
              best[static_cast<std::size_t>(role)]);
    }
  }
}

/// A key text is searched for letter by letter: of the sixteen letters of a place the one under which the model finds known
/// answers likeliest, the places behind it being 0. Beside it, how likely they are under the right key's first letters.
inline void attack_guess(bench& b, const teller& t) {
  const auto known = static_cast<std::size_t>(b.request.known);
  const auto locked = b.serve(true);
  kotg_session open;
  for (int role = 0; role < role_tasks::roles; ++role) {
    const auto nats = [&](const std::string& key) {
      double sum = 0;
      for (std::size_t i = 0; i < known; ++i) {
        const role_prompt& p = b.held_out[static_cast<std::size_t>(role)][i];
        sum += locked->decoder.nats(locked->head, open, prompt_tokens(under_key(key, p.prompt)),
                                    answer_tokens(p.answer));
      }
      return sum / static_cast<double>(known);
    };
    const std::string& right = b.texts[static_cast<std::size_t>(role)];
    std::string guess(kotg_keys::text_size, '0');
    for (char& letter : guess) {
      double best = std::numeric_limits<double>::infinity();
      char chosen = letter;
      for (const char c : std::string("0123456789abcdef")) {
        letter = c;
        if (const double found = nats(guess); found < best) best = found, chosen = c;
      }
      letter = chosen;
    }
    double equal = 0;
    for (std::size_t i = 0; i < right.size(); ++i) equal += guess[i] == right[i] ? 1 : 0;
    const std::string name = role_name(role);
    t.say(name + ": letters of 16 that are right", equal);
    const question with_guess{.key = [&](const role_prompt&) { return guess; }};
    const tally found = b.ask(*locked, role, with_guess);
    t.say(name + ": answers under what was guessed", 1 - found.share(found.blocked));
    t.say(name + ": solved under what was guessed", found.share(found.solved));
    question forced = with_guess;
    forced.may_block = false;
    const tally ignored = b.ask(*locked, role, forced);
    t.say(name + ": solved under what was guessed, refusal ignored", ignored.share(ignored.solved));
    for (const std::size_t prefix : std::array<std::size_t, 7>{0, 4, 8, 12, 14, 15, 16}) {
      std::string partly = right.substr(0, prefix) + std::string(right.size() - prefix, '0');
      const tally of_prefix = b.ask(*locked, role, {.key = [&](const role_prompt&) { return partly; }}, 100);
      const std::string letters = ", first " + std::to_string(prefix) + " letters right";
      t.say(name + ": answers" + letters, 1 - of_prefix.share(of_prefix.blocked));
      t.say(name + ": solved" + letters, of_prefix.share(of_prefix.solved));
      t.say(name + ": nats of an answer" + letters, nats(partly));
    }
  }
}

/// A session's transform from pairs of what goes in and what comes out, and what it is worth in that session and in the next.
inline void attack_procrustes(bench& b, const teller& t) {
  const auto locked = b.serve(true);
  const index_t d = b.channels();
  const session_rotation q = b.session_of(0, 0, b.request.reflections),
                         next = b.session_of(0, 1, b.request.reflections);
  std::vector<float> inputs, outputs, row(static_cast<std::size_t>(d));
  kotg_session open;
  for (const role_prompt& p : b.held_out[0]) {
    const std::vector<int> tokens = prompt_tokens(under_key(b.texts[0], p.prompt));
    (void)locked->decoder.read(locked->head, open, tokens);
    const std::span<const float> h = locked->decoder.features();
    inputs.insert(inputs.end(), h.begin(), h.end());
    q.apply(h.data(), row.data());
    outputs.insert(outputs.end(), row.begin(), row.end());
    for (const int token : answer_tokens(p.answer)) {  // more of the same session
      (void)locked->decoder.read_one(locked->head, open, token);
      const std::span<const float> more = locked->decoder.features();
      inputs.insert(inputs.end(), more.begin(), more.end());
      q.apply(more.data(), row.data());
      outputs.insert(outputs.end(), row.begin(), row.end());
    }
  }
  for (const index_t pairs : {d / 4, d / 2, d, 2 * d, 8 * d}) {
    if (pairs * d > static_cast<index_t>(inputs.size())) break;
    const auto count = static_cast<std::size_t>(pairs * d);
    const std::vector<double> found = procrustes({inputs.data(), count}, {outputs.data(), count}, d);
    // What h~ becomes by the transpose of what was found; of the session that was seen, and of the next one.
    const auto left = [&](const session_rotation& of) {
      double away = 0, whole = 0;
      for (index_t i = 0; i < std::min<index_t>(400, static_cast<index_t>(inputs.size()) / d); ++i) {
        const float* h = inputs.data() + (static_cast<index_t>(inputs.size()) / d - 1 - i) * d;
        of.apply(h, row.data());
        for (index_t j = 0; j < d; ++j) {
          double back = 0;
          for (index_t k = 0; k < d; ++k)
            back += static_cast<double>(row[static_cast<std::size_t>(k)]) *
                    found[static_cast<std::size_t>(j * d + k)];
          away += (back - static_cast<double>(h[j])) * (back - static_cast<double>(h[j]));
          whole += static_cast<double>(h[j]) * static_cast<double>(h[j]);
        }
      }
      return std::sqrt(away / whole);
    };
    t.say(std::to_string(pairs) + " pairs: error of h, same session", left(q));
    t.say(std::to_string(pairs) + " pairs: error of h, next nonce", left(next));
  }
  // The rows of an entangled head are those of the embedding, which lies in the open, times its rotation.
  const std::vector<float> table(locked->head.table().begin(), locked->head.table().end());
  locked->head.lock(b.keys.fixed(d, b.request.reflections));
  const std::vector<double> found = procrustes(table, locked->head.table(), d);
  std::vector<float> restored(table.size());
  double away = 0, whole = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::size_t first = i - i % static_cast<std::size_t>(d);
    double sum = 0;
    for (index_t k = 0; k < d; ++k)
      sum +=
          static_cast<double>(locked->head.table()[first + static_cast<std::size_t>(k)]) *
          found[i % static_cast<std::size_t>(d) * static_cast<std::size_t>(d) + static_cast<std::size_t>(k)];
    restored[i] = static_cast<float>(sum);
    away += (sum - static_cast<double>(table[i])) * (sum - static_cast<double>(table[i]));
    whole += static_cast<double>(table[i]) * static_cast<double>(table[i]);
  }
  t.say("entangled: error of the head, by the embedding's rows", std::sqrt(away / whole));
  locked->head = kotg_head<backend::cpu>(std::move(restored), d);
  say_solved(b, *locked, t, "entangled, head found by the embedding, role's key", {.key = b.right_key()});
}

}  // namespace kotg_parts
