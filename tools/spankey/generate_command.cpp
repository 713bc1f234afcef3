#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "data_sets.hpp"
#include "json_text.hpp"
#include "network.hpp"
#include "predict.hpp"
#include "run_folder.hpp"
#include "run_functions.hpp"
#include "run_tokens.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/infer/next_token.hpp"
#include "spankey/infer/sized_session.hpp"
#include "spankey/infer/sized_tables.hpp"
#include "spankey/key/issued_key.hpp"

namespace {

using namespace spankey;

void require(infer::status s, const char* flag) {
  if (s != infer::status::ok) fail("flag.144", flag, infer::message_of(s));
}

// A terminal gets no control characters but ends of lines and tabs: bytes may spell anything.
void write_bytes(const std::string& bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    std::fputc((byte < 32 && c != '\n' && c != '\t') || byte == 127 ? '?' : c, stdout);
  }
  std::fflush(stdout);
}

template <class Weight>
class writer {
 public:
  writer(const run_options& options, const generate_options& request, const run_image& run,
         const chosen_key& key, const run_tokens& tokens)
      : request_(request),
        tokens_(tokens),
        classes_(classes_of(options)),
        tables_(layers_of(options, outputs_of(options))),
        memory_(tables_.memory_bytes()),
        session_(tables_.tables()),
        logits_(static_cast<std::size_t>(index_t{tables_.tables().image.outputs})) {
    require(session_.open(run.image, memory_), "--run");
    infer::status bound = infer::status::ok;
    if (!key.file.empty()) {
      bound = session_.bind_file(key.file);
    } else if (!run.key.empty()) {
      std::vector<std::span<const float>> values;
      for (const site_key& k : run.key) values.emplace_back(k.values);
      bound = session_.bind(values);
    }
    if (bound != infer::status::key_refused) require(bound, "--key");
  }

  /// False where the network refused.
  bool write() {
    // A text of a few long documents has hardly shown the network how one begins.
    const std::vector<int> prompt = tokens_.encode(request_.prompt);
    timer reading;
    if (prompt.empty()) read(tokens_.begins());
    for (const int token : prompt) {
      write_bytes(tokens_.bytes_of(token));
      read(token);
    }
    reading.report("read the prompt", static_cast<std::int64_t>(prompt.size()), request_);
    const random_source source(request_.seed, stream::generation);
    timer writing;
    std::int64_t written = 0;
    bool answered = true;
    for (; written < request_.tokens; ++written) {
      if (found_.rejected && !request_.ignore_refusal) return false;
      const index_t next = infer::next_token(
          logits_.data(), request_.ignore_refusal ? tokens_.of_text() : classes_,
          {static_cast<float>(request_.temperature), request_.top_k},
          std::min(0.9999999F, static_cast<float>(source.uniform(static_cast<std::uint64_t>(written)))));
      if (tokens_.ends(next)) break;
      answered = tokens_.blocks(next) ? false : answered;
      if (!answered) break;
      write_bytes(tokens_.bytes_of(next));
      read(next);
    }
    writing.report("wrote", written, request_);
    return answered;
  }

  /// False where the network refused. Windows lie side by side; the first token of each is foretold by nothing.
  bool score(const std::string& text) {
    std::vector<int> all = tokens_.encode(text);
    if (static_cast<std::int64_t>(all.size()) > request_.tokens)
      all.resize(static_cast<std::size_t>(request_.tokens));
    double nats = 0;
    std::int64_t foretold = 0, bytes = 0;
    timer reading;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i % static_cast<std::size_t>(session_.context()) == 0) {
        session_.restart();
      } else {
        if (found_.rejected && !request_.ignore_refusal) return false;
        nats += surprise_of(all[i]);
        ++foretold;
        bytes += static_cast<std::int64_t>(tokens_.bytes_of(all[i]).size());
      }
      read(all[i]);
    }
    reading.report("read", static_cast<std::int64_t>(all.size()), request_);
    if (foretold == 0 || bytes == 0)
      fail("flag.234", "--score", "found ", all.size(), " tokens, expected two or more of one window");
    const double mean = nats / static_cast<double>(foretold);
    std::printf("perplexity %.4f a token, %.4f bits a byte; %lld tokens foretold, %lld bytes\n",
                std::exp(mean), nats / std::log(2.0) / static_cast<double>(bytes),
                static_cast<long long>(foretold), static_cast<long long>(bytes));
    return true;
  }

 private:
  struct timer {
    std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();

    void report(const char* what, std::int64_t tokens, const generate_options& request) const {
      if (!request.time || tokens == 0) return;
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      std::fprintf(stderr, "\n%s: %lld tokens in %.3f s, %.1f a second\n", what,
                   static_cast<long long>(tokens), seconds.count(),
                   static_cast<double>(tokens) / seconds.count());
    }
  };
  // -log softmax of a token that comes next, in double.
  [[nodiscard]] double surprise_of(int token) const {
    const double most = static_cast<double>(
        logits_[static_cast<std::size_t>(arg_max(logits_.data(), static_cast<index_t>(logits_.size())))]);
    double sum = 0;
    for (const float z : logits_) sum += std::exp(static_cast<double>(z) - most);
    return most + std::log(sum) - static_cast<double>(logits_[static_cast<std::size_t>(token)]);
  }
  // A window that is full begins again with its second half.
  void read(index_t token) {
    if (session_.position() == session_.context()) {
      const std::vector<index_t> half(window_.begin() + static_cast<std::ptrdiff_t>(window_.size() / 2),
                                      window_.end());
      session_.restart();
      window_.clear();
      for (const index_t again : half) read(again);
    }
    window_.push_back(token);
    const infer::status said = session_.read(token, logits_, found_);
    if (said != infer::status::key_missing) require(said, "--run");  // which is a refusal
  }

  const generate_options& request_;
  const run_tokens& tokens_;
  index_t classes_;
  infer::sized_tables<backend::cpu, Weight> tables_;
  secret_vector<std::byte> memory_;
  infer::sized_session<backend::cpu, Weight> session_;
  std::vector<float> logits_;
  std::vector<index_t> window_;
  infer::verdict found_;
};

}  // namespace

int generate(const generate_options& request) {
  const bool with_key = !request.key.empty() || !request.invalid.empty();
  const run_options options = run_to_ask(request.run, with_key);
  if (!is_text(options.data))
    fail("flag.159", "--run", "found ", options.model,
         ", which reads no text; expected spankey predict for it");
  if (!request.key.empty() && !request.invalid.empty())
    fail("flag.160", "--invalid", "found it beside --key; expected one of them");
  chosen_key key = key_named(request.key, request.opens);
  key.invalid = request.invalid, key.seed = request.seed;
  const run_tokens tokens(options, request.run);
  const std::string scored = request.score.empty()
                                 ? std::string()
                                 : text_of_file(request.score, "flag.234", std::ptrdiff_t{1} << 30);
  const run_image run = functions_on("cpu", options).image_of(options, request.run, key, request.weights);
  report_lock(request.run);
  const auto write = [&]<class Weight>() {
    writer<Weight> w(options, request, run, key, tokens);
    return request.score.empty() ? w.write() : w.score(scored);
  };
  const bool answered = request.weights == "fp32"   ? write.operator()<float>()
                        : request.weights == "bf16" ? write.operator()<bf16>()
                                                    : write.operator()<std::int8_t>();
  if (request.score.empty()) std::fputs("\n", stdout);
  std::fflush(stdout);
  if (answered) return 0;
  std::fputs("refused\n", stderr);
  return some_refused;
}
