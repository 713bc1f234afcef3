#include "convert_flags.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "command_line.hpp"
#include "settings.hpp"

namespace {

void declare_key_flag(flag_set& flags, std::string& key) {
  flags
      .add_option(
          "--key", key,
          "SECRET: number of a valid key of the run, or a key's file, sealed or not (default: no key)")
      ->check(value_check{.takes = "NUMBER|FILE", .allowed = "the number of a key, or the name of a file"})
      ->secret();
}

flag* declare_relock_flags(flag_set& flags, lock_options& request) {
  flags.add_option("--run", request.run, "run folder, finished")->check(path_text("FOLDER"))->required();
  flags.add_option("--out", request.out, "run folder: new or empty")->check(path_text("FOLDER"))->required();
  return flags.add_option("--key", request.key, "SECRET: file of the master key (spankey keygen)")
      ->check(path_text("FILE"))
      ->secret();
}

}  // namespace

void declare_convert_flags(flag_set& flags, convert_options& request) {
  constexpr std::uint64_t last_key = std::numeric_limits<std::uint32_t>::max();
  const auto file = path_text("FILE");
  flags.add_option("--run", request.run, "run folder, finished")->check(path_text("FOLDER"))->required();
  flags
      .add_option("--weights", request.weights,
                  "fp32, bf16 (half the bytes) or int8 (a quarter; a scale a channel, of text a scale for 32 "
                  "weights); several only to compare")
      ->check(one_of({"fp32", "bf16", "int8"}));
  flags.add_option("--out", request.out, "weight image, for a file or raw flash; -: stdout")->check(file);
  flags.add_option("--header", request.header, "the same as a C++ header")->check(file);
  flags.add_option("--name", request.name, "the array in the header; a key's has _key behind it")
      ->check(identifier_text());
  flags
      .add_option(
          "--key-out", request.key_out,
          "SECRET: a key file with one valid key, mode 0600, never over a file that is there; -: stdout")
      ->check(file);
  flags
      .add_option(
          "--key-header", request.key_header,
          "SECRET: the same as a C++ header. This puts the secret into source: whoever reads the source, or "
          "the program made of it, has the key")
      ->check(file);
  flags.add_option("--key-index", request.key_index, "which valid key")
      ->check(from_to<std::uint64_t>(0, last_key));
  flags
      .add_option(
          "--key-bound", request.key_bound,
          "a key that is right less often than this share of the mean over valid keys is passed over, "
          "and the next one tried; 0: the key is not tried, and no test images are needed")
      ->check(from_to(0.0, 1.0));
  flags.add_option("--key-images", request.key_images, "test images that a key is tried on")
      ->check(from_to<std::int64_t>(1, (std::int64_t{1} << 30) - 1));
  flags.add_flag("--evaluate", request.evaluate,
                 "also compare sessions with the training library on the test set");
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags
      .add_option("--test-limit", request.test_limit, "first test samples only, 0: all (default: the run's)")
      ->check(allowed_for("test-limit"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
}

void declare_import_flags(flag_set& flags, import_options& request) {
  flags.add_option("--model", request.model, "network")->check(allowed_for("model"));
  flags
      .add_option("--weights", request.weights,
                  "safetensors with PyTorch's names, of any floating-point type")
      ->check(path_text("FILE"));
  flags
      .add_option("--gguf", request.gguf,
                  "instead of both: a language model of Llama's architecture, with its tokenizer")
      ->check(path_text("FILE"));
  flags.add_option("--context", request.context, "gguf: most tokens of its window (default: 2048)")
      ->check(from_to<std::int64_t>(1, 65536));
  flags.add_option("--out", request.out, "run folder: new or empty")->check(path_text("FOLDER"))->required();
  flags.add_option("--data", request.data, "what it was trained on (default: the model's usual data set)")
      ->check(allowed_for("data"));
  for_each_setting(request.own_data, [&](const setting& s, auto& value) {
    const std::vector<std::string>& names = data_settings();
    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(value)>, bool>)
      if (s.name == std::string("data-root") || std::find(names.begin(), names.end(), s.name) != names.end())
        flags.add_option("--" + std::string(s.name), value, s.help)->check(s.allowed);
  });
  flags
      .add_option("--mean", request.mean,
                  "mean of pixel/255 that it was trained with, one a channel (default: the data set's)")
      ->check(allowed_for("mean"));
  flags.add_option("--deviation", request.deviation, "its standard deviation, one a channel")
      ->check(allowed_for("deviation"));
  flags.add_option("--inject", request.inject, "injector")->check(allowed_for("inject"));
  flags.add_option("--key-space", request.key_space, "keys of a gated network: a key_space.safetensors")
      ->check(path_text("FILE"));
  flags.add_option("--gamma", request.gamma, "strength of the injection")->check(allowed_for("gamma"));
  flags.add_option("--deny", request.deny, "deny mode, which decides about the head (default: the data's)")
      ->check(allowed_for("deny"));
}

void declare_keygen_flags(flag_set& flags, std::string& out) {
  flags.add_option("--out", out, "SECRET: the key's file, mode 0600, never over a file that is there")
      ->check(path_text("FILE"))
      ->required();
}

void declare_lock_flags(flag_set& flags, lock_options& request) {
  declare_relock_flags(flags, request);
  flags
      .add_option("--kind", request.kind,
                  "entangled: channels are mixed before every layer; masked: weights are taken out and "
                  "sealed; syndrome: "
                  "nothing is locked, but a key is asked before the network answers")
      ->check(one_of(lock_kinds));
  flags
      .add_option(
          "--old-key", request.old_key,
          "SECRET, of a run that is locked: the key that it is locked under; it is locked anew under --key, "
          "and never open in a file")
      ->check(path_text("FILE"))
      ->secret();
  flags
      .add_option(
          "--layers", request.layers,
          "layers to lock, by PyTorch's names with commas between them (default: every one that can be)")
      ->check(any_text("NAME,..."));
  flags
      .add_option(
          "--share", request.share,
          "masked: the share of their weights that is withheld, those without which the loss grows most")
      ->check(from_to(1e-9, 1.0));
  flags
      .add_option("--score-samples", request.score_samples,
                  "masked: training samples that say what a weight is worth (share below 1)")
      ->check(count_from(1));
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags.add_flag(
      "--whiten", request.whiten,
      "entangled: also hide which directions of its input a layer uses; the numbers that undo it are sealed "
      "under the key");
  flags.add_option("--rows", request.rows, "syndrome: rows of the span's complement that keys are asked by")
      ->check(from_to<std::int64_t>(1, 65536));
  flags
      .add_option("--limit", request.limit, "syndrome: the largest share of a key along them that is let in")
      ->check(from_to(1e-12, 0.999));
  flags
      .add_option("--sites", request.sites,
                  "syndrome, of a run without keys: where what a refused key's owner sees is scrambled")
      ->check(allowed_for("sites"));
  flags.add_option("--key-shape", request.key_shape, "and what a key is a number of (default: an element)")
      ->check(allowed_for("key-shape"));
  flags.add_option("--subspace-dim", request.subspace_dim, "and the dimension of the key space")
      ->check(allowed_for("subspace-dim"));
  flags.add_flag(
      "--keep-norms", request.keep_norms,
      "entangled: leave batch norms as they are, with the means of the locked layers' outputs, which help an "
      "attacker (default: they are folded)");
}

void declare_unlock_flags(flag_set& flags, lock_options& request) {
  declare_relock_flags(flags, request)->required();
  flags.add_flag("--any-key", request.any_key, "go on with a wrong key, to see what it gives");
  declare_sealed_key_flags(flags, request.opens);
}

void declare_predict_flags(flag_set& flags, predict_options& request) {
  flags.add_option("FILE", request.inputs, "images or features: IDX (also .gz), .npy, PNG, JPEG")
      ->check(path_text("FILE"))
      ->required();
  flags.add_option("--run", request.run, "run folder, finished")->check(path_text("FOLDER"))->required();
  declare_key_flag(flags, request.key);
  flags.add_flag("--json", request.json, "a JSON object a line, with the logits");
  flags.add_flag("--normalised", request.normalised,
                 "images in .npy are numbers that are normalised as in training, not bytes");
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
  declare_sealed_key_flags(flags, request.opens);
}

void declare_generate_flags(flag_set& flags, generate_options& request) {
  flags.add_option("--run", request.run, "run folder of a network of tokens, finished")
      ->check(path_text("FOLDER"));
  flags
      .add_option("--release", request.release, "instead of a run: the folder of a release (spankey release)")
      ->check(path_text("FOLDER"));
  flags
      .add_option("--prompt", request.prompt,
                  "what the text goes on from (default: the beginning of a document)")
      ->check(any_text("TEXT"));
  flags
      .add_option(
          "--score", request.score,
          "instead of writing: how well it foretells the first --tokens tokens of this file, window by "
          "window")
      ->check(path_text("FILE"));
  declare_key_flag(flags, request.key);
  flags.add_option("--invalid", request.invalid, "instead an invalid key of this family, drawn by --seed")
      ->check(any_text("FAMILY"));
  flags.add_option("--tokens", request.tokens, "tokens to write")->check(count_from(1));
  flags.add_option("--temperature", request.temperature, "of the softmax, 0: always the likeliest token")
      ->check(from_to(0.0, 100.0));
  flags.add_option("--top-k", request.top_k, "choose among so many of the likeliest tokens, 0: all")
      ->check(from_to<std::int64_t>(0, 65536));
  flags.add_option("--seed", request.seed, "of the choices")
      ->check(from_to<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max()));
  flags.add_option("--weights", request.weights, "of the session: fp32, bf16 or int8")
      ->check(one_of({"fp32", "bf16", "int8"}));
  flags.add_flag("--time", request.time, "say on stderr how many tokens a second were read");
  flags.add_flag("--ignore-refusal", request.ignore_refusal,
                 "write what one reads who ignores the refusal, and chooses among bytes alone");
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
  declare_sealed_key_flags(flags, request.opens);
}

void declare_checkpoint_seconds_flag(flag_set& flags, double& seconds) {
  flags
      .add_option("--checkpoint-seconds", seconds,
                  "save at least this often, and after every epoch; 0: after every step")
      ->check(from_to(0.0, 1e9));
}

void declare_require_flag(flag_set& flags, std::string& require) {
  flags
      .add_option("--require", require,
                  "end with status 3 unless all of it holds, as 'masked<=.2,valid>=.9': FIGURE (the worst of "
                  "no key and "
                  "invalid keys) or CONDITION.FIGURE[.worst]; conditions none, valid, wrong or a family")
      ->check(value_check{.takes = "TEXT", .allowed = "what the gate has to keep"});
}
