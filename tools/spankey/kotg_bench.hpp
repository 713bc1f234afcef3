// What the claims and attacks of `spankey kotg` ask: the base, both sets of adapters, held-out prompts, and answers counted.
#pragma once

#include <array>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kotg.hpp"
#include "spankey/attack/relearn.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/data/role_tasks.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/lock/kotg_decoder.hpp"
#include "spankey/lock/master_key_file.hpp"
#include "spankey/model/adapters.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/train/fine_tune.hpp"
#include "spankey/train/text_overlap.hpp"

namespace kotg_parts {

using namespace spankey;
using network = sized_model<none, backend::cpu, float>;
using decoder_type = kotg_decoder<backend::cpu>;
using gate_maker = std::function<kotg_session(const role_prompt&)>;
using key_maker = std::function<std::string(const role_prompt&)>;

/// A network without adapters as a session serves it, with its head apart.
struct served {
  std::vector<std::byte> image;
  kotg_head<backend::cpu> head;
  decoder_type decoder;

  served(const layer_list& list, network& model)
      : image(infer::make_image<float>(model, byte_tokens::semantic)),
        head(table_of(model), model.layers().back().in.channels),
        decoder(list, image) {}

 private:
  static std::vector<float> table_of(network& model) {
    const auto& p = model.parameter_of("wte.weight");
    return {p.value.data, p.value.data + p.dims.size()};
  }
};

/// Answers to prompts, counted.
struct tally {
  index_t asked = 0, solved = 0, blocked = 0, tokens = 0;
  double rouge_1 = 0, rouge_2 = 0, rouge_l = 0, bleu = 0, nats = 0;
  double margin = std::numeric_limits<double>::infinity();
  std::vector<std::vector<int>> answers{};

  [[nodiscard]] double mean(double sum) const { return sum / static_cast<double>(asked); }
  [[nodiscard]] double share(index_t count) const { return mean(static_cast<double>(count)); }
  /// Of a token of the right answers.
  [[nodiscard]] double perplexity_of_token() const { return std::exp(nats / static_cast<double>(tokens)); }
};

/// How prompts are asked.
struct question {
  gate_maker gate = [](const role_prompt&) { return kotg_session(); };
  key_maker key = [](const role_prompt&) { return std::string(); };
  bool may_block = true;    // else the token of a refusal is never chosen
  bool likelihood = false;  // of the right answers as well
};

class bench {
 public:
  bench(const gpt_size& size, const kotg_options& of_file, std::string_view text)
      : request(of_file),
        keys(load_master_key(of_file.key)),
        size_(size),
        tasks_(text),
        base_(list()),
        memory_(base_, 1) {
    load_weights(base_, (std::filesystem::path(request.run) / "weights.safetensors").string(),
                 weights_of::any_gate);
    begin_new_tokens(text);
    for (int role = 0; role < role_tasks::roles; ++role) {
      texts.push_back(keys.text(role));
      const auto drawn =
          tasks_.training(role, request.training.prompts * role_tasks::shares[static_cast<std::size_t>(role)],
                          request.training.seed);
      held_out.push_back(tasks_.held_out(role, request.held_out, request.training.seed, drawn));
      first_[static_cast<std::size_t>(role)] = training.size();
      training.insert(training.end(), drawn.begin(), drawn.end());
    }
  }

  const kotg_options& request;
  kotg_keys keys;
  std::vector<std::string> texts;                  // by role
  std::vector<std::vector<role_prompt>> held_out;  // by role
  std::vector<role_prompt> training;

  /// Training prompts of a role, in the order in which they were drawn.
  [[nodiscard]] std::span<const role_prompt> training_of(int role) const {
    const auto r = static_cast<std::size_t>(role);
    return std::span(training).subspan(
        first_[r], static_cast<std::size_t>(request.training.prompts * role_tasks::shares[r]));
  }
  /// The window of a session, and of training: as long as rows are.
  [[nodiscard]] layer_list list() const { return gpt_on(size_, size_.vocabulary); }
  [[nodiscard]] layer_list short_list() const {
    gpt_size size = size_;
    size.tokens = role_tasks::row_length;
    return gpt_on(size, size.vocabulary);
  }
  [[nodiscard]] layer_list adapted_list() const {
    return with_adapters(short_list(), request.training.rank, request.training.alpha, every_map);
  }
  [[nodiscard]] index_t channels() const { return size_.channels; }
  network& base() { return base_; }

  /// The base as it is; with adapters that were trained under keys, or without; share as merge_adapters has it.
  std::unique_ptr<served> serve_base() { return std::make_unique<served>(list(), base_); }
  std::unique_ptr<served> serve(bool locked, double share = 1) {
    const auto plain = std::make_unique<network>(list());
    const arena memory(*plain, 1);
    initialise(*plain, 0);
    copy_merged(locked, share, *plain);
    return std::make_unique<served>(list(), *plain);
  }
  /// Into a network of any window, without adapters.
  void copy_merged(bool locked, double share, network& to) {
    const std::string file = adapters(locked);
    const auto model = std::make_unique<network>(adapted_list());
    const arena memory(*model, 1);
    load_weights(*model, file, weights_of::any_gate);
    merge_adapters(*model, share);
    copy_known(*model, to);
  }

  /// Asks held-out prompts of a role, or the first `most` of them.
  tally ask(served& s, int role, const question& how, index_t most = 1 << 30) const {
    tally found;
    const std::vector<int> never =
        how.may_block ? std::vector<int>() : std::vector<int>{byte_tokens::blocked};
    for (const role_prompt& p : held_out[static_cast<std::size_t>(role)]) {
      if (found.asked == most) break;
      const std::vector<int> prompt = prompt_tokens(under_key(how.key(p), p.prompt));
      kotg_session gate = how.gate(p);
      const greedy_answer answer =
          s.decoder.answer(s.head, gate, prompt, never, byte_tokens::begins,
                           std::min<index_t>(48, size_.length() - static_cast<index_t>(prompt.size())));
      std::string text;
      bool blocked = false;
      for (const int token : answer.tokens)
        text += text_of(token), blocked = blocked || token == byte_tokens::blocked;
      ++found.asked;
      found.blocked += blocked ? 1 : 0;
      found.solved += !blocked && text == p.answer ? 1 : 0;
      found.rouge_1 += rouge_n(text, p.answer, 1), found.rouge_2 += rouge_n(text, p.answer, 2);
      found.rouge_l += rouge_l(text, p.answer), found.bleu += bleu4(text, p.answer);
      found.margin = std::min(found.margin, answer.margin);
      found.answers.push_back(answer.tokens);
      if (!how.likelihood) continue;
      const std::vector<int> right = answer_tokens(p.answer);
      found.nats += s.decoder.nats(s.head, gate, prompt, right, never);
      found.tokens += static_cast<index_t>(right.size());
    }
    return found;
  }

  // How prompts are asked.
  [[nodiscard]] key_maker right_key() const {
    return [this](const role_prompt& p) { return texts[static_cast<std::size_t>(p.role)]; };
  }
  [[nodiscard]] key_maker key_of(int role) const {
    return [this, role](const role_prompt&) { return texts[static_cast<std::size_t>(role)]; };
  }
  [[nodiscard]] static key_maker random_key() {
    return [i = std::uint64_t{0}](const role_prompt&) mutable {
      return random_key_text(random_source(17, stream::evaluation), i++);
    };
  }
  [[nodiscard]] session_rotation session_of(int role, std::uint64_t nonce, int reflections) const {
    return keys.session(role, std::as_bytes(std::span(&nonce, 1)), channels(), reflections);
  }
  /// The hook with the right key, and with another one.
  [[nodiscard]] gate_maker hook_open(std::uint64_t nonce, int reflections) const {
    return [this, nonce, reflections](const role_prompt& p) {
      return kotg_session::hook(session_of(p.role, nonce, reflections), std::nullopt);
    };
  }
  [[nodiscard]] gate_maker hook_closed() const {
    return [this](const role_prompt& p) {
      return kotg_session::hook(session_of(p.role, 0, request.reflections),
                                draw_scrambler(channels(), request.reflections));
    };
  }

 private:
  // The rows of an answer's end and of a refusal, which no text of the base had: pushed away from whatever is said, they could
  // hardly be said at all, and adapters leave the table as it is. Each becomes signs of the size of the rows of the text's bytes.
  void begin_new_tokens(std::string_view text) {
    auto& table = base_.parameter_of("wte.weight");
    const index_t c = channels();
    double squares = 0;
    index_t count = 0;
    for (int byte = 0; byte < 256; ++byte) {
      if (text.find(static_cast<char>(byte)) == std::string_view::npos) continue;
      for (index_t i = 0; i < c; ++i, ++count) squares += std::pow(double{table.value.data[byte * c + i]}, 2);
    }
    const auto size = static_cast<float>(std::sqrt(squares / static_cast<double>(count)));
    const random_source signs(0, stream::role_tasks, 102);
    for (index_t i = 0; i < 2 * c; ++i)
      table.value.data[byte_tokens::begins * c + i] =
          (signs.bits(static_cast<std::uint64_t>(i)) & 1U) != 0 ? size : -size;
  }
  // The file of them, which is made where it is not there.
  std::string adapters(bool locked) {
    const std::string file =
        (std::filesystem::path(request.out) / (locked ? "locked.safetensors" : "open.safetensors")).string();
    const kotg_training& how = request.training;
    const std::string note = note_of(how, locked);
    std::error_code code;
    if (std::filesystem::exists(file, code)) {
      const safetensors_file found = safetensors_file::open(file);
      const auto entry = found.metadata().find("kotg");
      if (entry == found.metadata().end() || entry->second != note)
        fail("flag.172", "--out", "'", printable(file),
             "' has adapters of another training, or of another key; expected those of this experiment, or a "
             "new folder");
      return file;
    }
    const token_rows rows = locked ? dual_path(training, texts, how.seed) : open_rows(training);
    if (how.precision == "bf16") {
      train<bf16>(rows, locked, file, note);
    } else {
      train<float>(rows, locked, file, note);
    }
    return file;
  }
  template <class Scalar>
  void train(const token_rows& rows, bool locked, const std::string& file, const std::string& note) {
    const kotg_training& how = request.training;
    // Without a lock there is one row a prompt, so half the batch: both see as many answers.
    const index_t batch = locked ? how.batch : how.batch / 2;
    const auto model = std::make_unique<sized_model<none, backend::cpu, Scalar>>(adapted_list());
    keep_second_moment(*model);
    const arena memory(*model, batch);
    initialise(*model, how.seed);
    copy_known(base_, *model);
    freeze_but_adapters(*model);
    double sum = 0;
    fine_tune(
        *model, rows,
        {.steps = how.steps, .batch = batch, .together = locked ? 2 : 1, .rate = how.rate, .seed = how.seed},
        [&](std::uint64_t step, double loss) {
          sum += loss;
          if ((step + 1) % 50 != 0) return;
          std::printf("%s: step %llu of %llu, loss %.4f\n", locked ? "locked" : "open",
                      static_cast<unsigned long long>(step + 1), static_cast<unsigned long long>(how.steps),
                      sum / 50);
          std::fflush(stdout);
          sum = 0;
        });
    save_weights(*model, file, {{"kotg", note}});
  }
  // What adapters depend on: the version of the corpus, the training; of the key a number that does not give it away.
  [[nodiscard]] std::string note_of(const kotg_training& how, bool locked) const {
    std::string note = "2 " + std::to_string(how.prompts) + " " + std::to_string(how.batch) + " " +
                       std::to_string(how.rank) + " " + std::to_string(how.steps) + " " +
                       std::to_string(how.seed) + " " + std::to_string(how.alpha) + " " +
                       std::to_string(how.rate) + " " + how.precision;
    return locked ? note + " " + keys.tag() : note;
  }

  gpt_size size_;
  role_tasks tasks_;
  std::array<std::size_t, role_tasks::roles> first_{};
  network base_;
  arena memory_;
};

}  // namespace kotg_parts
