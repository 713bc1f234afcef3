#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "convert_flags.hpp"
#include "data_sets.hpp"
#include "json_text.hpp"
#include "network.hpp"
#include "predict.hpp"
#include "program_command.hpp"
#include "release.hpp"
#include "run_folder.hpp"
#include "run_functions.hpp"
#include "run_tokens.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/int8_blocks.hpp"
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

/// What a text is read into and goes on from: a session of a run, or of a release.
class text_source {
 public:
  virtual ~text_source() = default;
  /// The logits behind a token, which stay where they are.
  virtual std::span<const float> read(index_t token) = 0;
  virtual void restart() = 0;
  [[nodiscard]] virtual index_t position() const = 0;
  [[nodiscard]] virtual index_t context() const = 0;
  [[nodiscard]] virtual bool rejected() const = 0;
};

template <class Weight>
class session_source final : public text_source {
 public:
  session_source(const run_options& options, run_image run, const chosen_key& key)
      : run_(std::move(run)),
        tables_(layers_of(options, outputs_of(options))),
        memory_(tables_.memory_bytes()),
        session_(tables_.tables()),
        logits_(static_cast<std::size_t>(index_t{tables_.tables().image.outputs})) {
    require(session_.open(run_.image, memory_), "--run");
    infer::status bound = infer::status::ok;
    if (!key.file.empty()) {
      bound = session_.bind_file(key.file);
    } else if (!run_.key.empty()) {
      std::vector<std::span<const float>> values;
      for (const site_key& k : run_.key) values.emplace_back(k.values);
      bound = session_.bind(values);
    }
    if (bound != infer::status::key_refused) require(bound, "--key");
  }
  std::span<const float> read(index_t token) override {
    const infer::status said = session_.read(token, logits_, found_);
    if (said != infer::status::key_missing) require(said, "--run");  // which is a refusal
    return logits_;
  }
  void restart() override { session_.restart(); }
  [[nodiscard]] index_t position() const override { return session_.position(); }
  [[nodiscard]] index_t context() const override { return session_.context(); }
  [[nodiscard]] bool rejected() const override { return found_.rejected; }

 private:
  const run_image run_;  // sessions read it where it is
  infer::sized_tables<backend::cpu, Weight> tables_;
  secret_vector<std::byte> memory_;
  infer::sized_session<backend::cpu, Weight> session_;
  std::vector<float> logits_;
  infer::verdict found_;
};

class release_source final : public text_source {
 public:
  release_source(const run_options& options, const generate_options& request)
      : session_(open_release(options, request.release, request.key, request.opens)) {}
  std::span<const float> read(index_t token) override { return session_->read(token); }
  void restart() override { session_->restart(); }
  [[nodiscard]] index_t position() const override { return session_->position(); }
  [[nodiscard]] index_t context() const override { return session_->context(); }
  [[nodiscard]] bool rejected() const override { return false; }

 private:
  std::unique_ptr<token_source> session_;
};

class writer {
 public:
  writer(const run_options& options, const generate_options& request, const run_tokens& tokens,
         text_source& source)
      : request_(request), tokens_(tokens), classes_(classes_of(options)), source_(source) {}

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
      if (source_.rejected() && !request_.ignore_refusal) return false;
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
      if (i % static_cast<std::size_t>(source_.context()) == 0) {
        source_.restart();
      } else {
        if (source_.rejected() && !request_.ignore_refusal) return false;
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
    if (source_.position() == source_.context()) {
      const std::vector<index_t> half(window_.begin() + static_cast<std::ptrdiff_t>(window_.size() / 2),
                                      window_.end());
      source_.restart();
      window_.clear();
      for (const index_t again : half) read(again);
    }
    window_.push_back(token);
    logits_ = source_.read(token);
  }

  const generate_options& request_;
  const run_tokens& tokens_;
  index_t classes_;
  text_source& source_;
  std::span<const float> logits_;
  std::vector<index_t> window_;
};

void require_text(const run_options& options, const char* flag) {
  if (!is_text(options.data))
    fail("flag.159", flag, "found ", options.model, ", which reads no text; expected spankey predict for it");
}

std::unique_ptr<text_source> source_of_run(const run_options& options, const generate_options& request) {
  chosen_key key = key_named(request.key, request.opens);
  key.invalid = request.invalid, key.seed = request.seed;
  run_image run = functions_on("cpu", options).image_of(options, request.run, key, request.weights);
  report_lock(request.run);
  const auto open = [&]<class Weight>() -> std::unique_ptr<text_source> {
    return std::make_unique<session_source<Weight>>(options, std::move(run), key);
  };
  return request.weights == "fp32"   ? open.operator()<float>()
         : request.weights == "bf16" ? open.operator()<bf16>()
                                     : open.operator()<int8_blocks>();
}

// Of a release nothing is known but what was handed out: no key but that of a lock, and one precision.
std::unique_ptr<text_source> source_of_release(const run_options& options, const generate_options& request) {
  std::error_code code;
  const bool locked = std::filesystem::exists(std::filesystem::path(request.release) / lock_file_name, code);
  if ((!request.key.empty() && !locked) || !request.invalid.empty() || request.weights != "fp32")
    fail("flag.220", "--release", "found it beside ", request.weights != "fp32" ? "--weights" : "a key",
         ", expected --run for that");
  return std::make_unique<release_source>(options, request);
}

}  // namespace

int generate(const generate_options& request) {
  const bool released = !request.release.empty(), with_key = !request.key.empty() || !request.invalid.empty();
  if (released != request.run.empty())
    fail("flag.220", released ? "--release" : "generate", "expected either --run or --release, found ",
         released ? "both" : "none");
  const run_options options =
      released ? read_config((std::filesystem::path(request.release) / "config.json").string())
               : run_to_ask(request.run, with_key);
  require_text(options, released ? "--release" : "--run");
  if (!request.key.empty() && !request.invalid.empty())
    fail("flag.160", "--invalid", "found it beside --key; expected one of them");
  const run_tokens tokens(options, released ? request.release : request.run);
  const std::string scored = request.score.empty()
                                 ? std::string()
                                 : text_of_file(request.score, "flag.234", std::ptrdiff_t{1} << 30);
  const auto source = released ? source_of_release(options, request) : source_of_run(options, request);
  writer text(options, request, tokens, *source);
  const bool answered = request.score.empty() ? text.write() : text.score(scored);
  if (request.score.empty()) std::fputs("\n", stdout);
  std::fflush(stdout);
  if (answered) return 0;
  std::fputs("refused\n", stderr);
  return some_refused;
}

program_command generate_entry() {
  return plain<generate_options, declare_generate_flags, generate, output_text::all_there_is>(
      "generate", "let a network of tokens write text, under a key or none; status 3 where it refused");
}
