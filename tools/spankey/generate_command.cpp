#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data_sets.hpp"
#include "network.hpp"
#include "predict.hpp"
#include "release.hpp"
#include "run_folder.hpp"
#include "run_functions.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/data/byte_tokens.hpp"
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
void write_token(index_t token) {
  for (const char c : text_of(static_cast<int>(token))) {
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
  virtual const float* read(index_t token) = 0;
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
  const float* read(index_t token) override {
    const infer::status said = session_.read(token, logits_, found_);
    if (said != infer::status::key_missing) require(said, "--run");  // which is a refusal
    return logits_.data();
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
  release_source(const run_options& options, const std::string& folder)
      : session_(open_release(options, folder)) {}
  const float* read(index_t token) override { return session_->read(token).data(); }
  void restart() override { session_->restart(); }
  [[nodiscard]] index_t position() const override { return session_->position(); }
  [[nodiscard]] index_t context() const override { return session_->context(); }
  [[nodiscard]] bool rejected() const override { return false; }

 private:
  std::unique_ptr<token_source> session_;
};

class writer {
 public:
  writer(const run_options& options, const generate_options& request, text_source& source)
      : request_(request), classes_(classes_of(options)), source_(source) {}

  /// False where the network refused.
  bool write() {
    // A text of a few long documents has hardly shown the network how one begins.
    if (request_.prompt.empty()) read(byte_tokens::begins);
    for (const char c : request_.prompt) {
      write_token(static_cast<unsigned char>(c));
      read(static_cast<unsigned char>(c));
    }
    const random_source source(request_.seed, stream::generation);
    for (std::int64_t i = 0; i < request_.tokens; ++i) {
      if (source_.rejected() && !request_.ignore_refusal) return false;
      const index_t next = infer::next_token(
          logits_, request_.ignore_refusal ? byte_tokens::begins : classes_,
          {static_cast<float>(request_.temperature), request_.top_k},
          std::min(0.9999999F, static_cast<float>(source.uniform(static_cast<std::uint64_t>(i)))));
      if (next == byte_tokens::begins) return true;  // the next document
      if (next == byte_tokens::blocked) return false;
      write_token(next);
      read(next);
    }
    return true;
  }

 private:
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
  index_t classes_;
  text_source& source_;
  const float* logits_ = nullptr;
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
                                     : open.operator()<std::int8_t>();
}

// Of a release nothing is known but what was handed out: no keys, and one precision.
std::unique_ptr<text_source> source_of_release(const run_options& options, const generate_options& request) {
  if (!request.key.empty() || !request.invalid.empty() || request.weights != "fp32")
    fail("flag.220", "--release", "found it beside ", request.weights != "fp32" ? "--weights" : "a key",
         ", expected --run for that");
  return std::make_unique<release_source>(options, request.release);
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
  const auto source = released ? source_of_release(options, request) : source_of_run(options, request);
  const bool answered = writer(options, request, *source).write();
  std::fputs("\n", stdout);
  std::fflush(stdout);
  if (answered) return 0;
  std::fputs("refused\n", stderr);
  return some_refused;
}
