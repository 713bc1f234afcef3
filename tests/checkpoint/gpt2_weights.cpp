// spankey_gpt2_weights VOCABULARY CONTEXT CHANNELS LAYERS HEADS WEIGHTS SAMPLES RESULT OWN
//
// Loads another program's weights of a GPT-2 of that size, answers the tokens `x` (n, T) of SAMPLES with `logits`
// (n, T, VOCABULARY) in RESULT, and writes the weights to OWN. What the loader says goes to stdout, a note a line.
// Exit status 2 with one line on stderr where something is wrong.
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/checkpoint/foreign_weights.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/core/token.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/sized_model.hpp"

namespace {

using namespace spankey;

void run(const gpt_size& of, const std::vector<std::string>& files) {
  const auto samples = safetensors_file::open(files[1]);
  const std::vector<index_t>& shape =
      samples.require("x", dtype::i64, {any_extent, any_extent}, "the samples").shape;
  const index_t n = shape[0], length = shape[1];
  gpt_size size = of;
  size.tokens = length;
  sized_model<runtime, backend::cpu, float> model(gpt_on(size, size.vocabulary));
  set_gate(model, runtime{}, std::vector<int>{});
  const arena memory(model, n);
  for (const std::string& note : load_foreign_weights(model, files[0])) std::puts(note.c_str());

  std::vector<float> x;
  for (const std::int64_t token : samples.read_i64("x", shape)) {
    x.resize(x.size() + 2);
    write_token(static_cast<int>(token), x.data() + x.size() - 2);
  }
  const float* const logits = model.forward({.groups = 1, .training = false}, x.data(), n, {});
  safetensors_writer result;
  const std::size_t count = static_cast<std::size_t>(n * length * size.vocabulary);
  result.add_f32("logits", {n, length, size.vocabulary}, {logits, count});
  result.write(files[2]);
  // Older transformers open no file that does not say so.
  save_weights(model, files[3], {{"format", "pt"}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 10) return 2;
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    run({.vocabulary = std::stol(arguments[0]),
         .context = std::stol(arguments[1]),
         .channels = std::stol(arguments[2]),
         .layers = std::stoi(arguments[3]),
         .heads = std::stoi(arguments[4])},
        {arguments.begin() + 5, arguments.end()});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
  return 0;
}
