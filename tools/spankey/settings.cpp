#include "settings.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "choices.hpp"
#include "commands.hpp"
#include "data_sets.hpp"
#include "invalid_text.hpp"
#include "network.hpp"
#include "spankey/core/error.hpp"
#include "spankey/data/resize.hpp"
#include "spankey/loss/deny/mode.hpp"

namespace {

std::vector<setting> all_settings() {
  using o = run_options;
  const auto non_negative = from_to(0.0, 1e9), share = from_to(0.0, 1.0);
  const auto any_seed = from_to<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max());
  const value_check on_or_off{};
  const auto name_in = [](const auto& table) { return one_of(spankey::names_of(table)); };
  const char* heading = "What runs";
  std::vector<setting> all;
  const auto add = [&](const char* name, run_member member, std::string help, value_check allowed) {
    all.push_back({name, member, std::move(help), std::move(allowed), heading, true});
  };
  const auto add_optional = [&](const char* name, run_member member, std::string help, value_check allowed) {
    add(name, member, std::move(help), std::move(allowed));
    all.back().may_be_missing = true;
  };
  const auto add_of_call = [&](const char* name, run_member member, std::string help, value_check allowed) {
    all.push_back({name, member, std::move(help), std::move(allowed), heading, false});
  };
  add_optional("recipe", &o::recipe,
               "defaults of the training: fast, for few epochs of large batches (default: one for the data)",
               one_of({"fast"}));
  add("regime", &o::regime, "defaults of keys and denial: sound, or the published reference",
      one_of({"sound", "reference"}));
  add("data", &o::data,
      "data set; glyphs (images), linear (features) and grammar (text) are drawn, npy, folder and text are "
      "your "
      "own (default: one for the model)",
      one_of(data_names()));
  add_of_call(
      "data-root", &o::data_root,
      "folder of the data sets (mnist/, cifar-10-batches-bin/, ...), or of the one; folder: of train/ and "
      "test/ with a folder of pictures for every class, or of such folders, which are split",
      path_text("FOLDER"));
  add_optional(
      "images", &o::images,
      "npy: training images, bytes of (N, H, W), (N, H, W, C) or (N, C, H, W), or features, (N, D); from the "
      "current folder or below --data-root",
      path_text("FILE"));
  add_optional("labels", &o::labels, "npy: their labels, N whole numbers", path_text("FILE"));
  add_optional("test-images", &o::test_images,
               "npy: test images (default: a fifth of every class of the training images, split off)",
               path_text("FILE"));
  add_optional("test-labels", &o::test_labels, "npy: their labels", path_text("FILE"));
  add_optional("layout", &o::layout, "npy: where the channels of images stand (default: as the shape says)",
               one_of({"NHW", "NHWC", "NCHW"}));
  add_optional("resize", &o::resize,
               "pixels a side that images are scaled to, height and width each for itself; 0: as they are",
               from_to<std::int64_t>(0, spankey::most_resized));
  add_optional("text", &o::text, "text: files whose bytes are learnt, with commas between them",
               any_text("FILE,..."));
  add_optional("test-text", &o::test_text, "text: files to test with (default: the end of each file)",
               any_text("FILE,..."));
  add_optional("test-share", &o::test_share, "text: share of each file that is not trained on, 0: a tenth",
               from_to(0.0, 0.99));
  add_optional("sample", &o::sample,
               "channels, height and width of a sample (default: the data set's; glyphs: the network's)",
               from_to(1, 65536));
  add_optional("classes", &o::classes,
               "number of classes, 0: the data set's (npy: the largest label and one more)",
               from_to<std::int64_t>(0, spankey::most_classes));
  add("mean", &o::mean, "mean of pixel/255, one a channel (default: the data set's)", from_to(-1e6, 1e6));
  all.back().may_be_missing = true;
  add("deviation", &o::deviation, "its standard deviation, one a channel", from_to(1e-6, 1e6));
  all.back().may_be_missing = true;
  add("model", &o::model, "network (default: one for the data)", one_of(network_names()));

  add_optional("context", &o::context, "text: tokens of a window, 0: the network's own",
               from_to<std::int64_t>(0, 65536));
  add_optional("channels", &o::channels, "gpt, llama: numbers that stand for a token, 0: 128",
               from_to<std::int64_t>(0, 16384));
  add_optional("layers", &o::layers, "gpt, llama: blocks, 0: 4", from_to<std::int64_t>(0, 38));
  add_optional("heads", &o::heads,
               "gpt, llama: heads of an attention, which divide the channels, 0: one for 32 channels",
               from_to<std::int64_t>(0, 1024));
  add_optional("kv-heads", &o::kv_heads,
               "llama: heads of keys and values, which divide the heads, 0: half as many, or as many",
               from_to<std::int64_t>(0, 1024));
  add_optional("hidden", &o::hidden, "llama: gates of a block, 0: 8/3 of the channels, in whole 32",
               from_to<std::int64_t>(0, 65536));
  add_optional("rope-theta", &o::rope_theta, "llama: base of the rotary positions, 0: 10000",
               from_to(0.0, 1e12));
  add_optional("norm-epsilon", &o::norm_epsilon, "llama: what its norms add to a mean of squares, 0: 1e-5",
               from_to(0.0, 0.5));
  add_optional("vocabulary", &o::vocabulary,
               "of a run that spankey import made of a GGUF: tokens of its tokenizer, 0: bytes",
               from_to<std::int64_t>(0, 65536));

  heading = "Keys";
  add("inject", &o::inject,
      "injector; reading: squares of a key's projections act; syndrome: of a run that spankey lock gave one",
      name_in(injector_names));
  add("gamma", &o::gamma, "strength of the injection", non_negative);
  add("sites", &o::sites, "where keys act: site numbers with commas between them", from_to(0, 31));
  add_optional("key-shape", &o::key_shape,
               "a key's numbers: one an element (the default), a token or place, or a channel",
               name_in(key_shape_names));
  add("subspace-dim", &o::subspace_dim, "dimension m of the key space", count_from(1));
  add("basis", &o::basis, "basis of the key space", name_in(spankey::basis_names));
  add("coefficients", &o::coefficients, "coefficients of a key", name_in(spankey::coefficient_names));
  add("offset", &o::offset, "what every coefficient is moved by (unit_cube: 0.5, others: 0)",
      from_to(-1e9, 1e9));
  add("spread", &o::spread, "what every coefficient is multiplied by before (unit_cube: 0.5, others: 1)",
      from_to(1e-9, 1e9));
  add("per-site-key", &o::per_site_key, "own coefficients at every site", on_or_off);
  add("per-site-basis", &o::per_site_basis, "own basis at every site (needs --per-site-key)", on_or_off);
  add("key-std", &o::key_std, "standard deviation of a key, 0: as drawn", non_negative);
  add("rescale", &o::rescale, "one deviation a batch, or a key", name_in(spankey::rescale_names));
  add_optional("syndrome-rows", &o::syndrome_rows,
               "of a run that spankey lock gave a syndrome: rows that keys are asked by, 0: none",
               from_to<std::int64_t>(0, 65536));
  add_optional("syndrome-limit", &o::syndrome_limit, "and the largest share of a key that is let in",
               from_to(0.0, 1.0));
  add_of_call("key-seed", &o::key_seed,
              "SECRET: own seed of the key space, kept out of config.json (default: --seed)", any_seed);

  heading = "Denial";
  add("invalid", &o::invalid, "family of the batch's one invalid key, as angle@20: " + family_names(),
      any_text("FAMILY"));
  add("invalid-mixture", &o::invalid_mixture,
      "instead one invalid key a sample, its family drawn from these: FAMILY[@NUMBER][:WEIGHT],...",
      any_text("TEXT"));
  add("deny", &o::deny, "deny loss", name_in(spankey::deny_mode_names));
  add("deny-weight", &o::deny_weight, "lambda, the weight of the deny loss", non_negative);
  add("deny-on", &o::deny_on, "what is denied: the wrong key, or no key too", name_in(denied_group_names));
  add("deny-warmup", &o::deny_warmup, "epochs over which lambda grows", count_from(0));
  add("gap", &o::gap, "A_soft: entropy that may be missing, in nats", non_negative);
  add("margin1", &o::margin1, "C, C_plus: margin between valid and wrong key", non_negative);
  add("margin2", &o::margin2, "C_plus: margin below the best wrong class", non_negative);
  add("seal-weight", &o::seal_weight, "sealed: weight of the divergence from uniform", non_negative);

  heading = "Training";
  add("epochs", &o::epochs, "passes over the training set", count_from(1));
  add("batch", &o::batch, "images a step", from_to<std::int64_t>(2, 1 << 20));
  add_optional("parts", &o::parts,
               "equal parts, a power of two, into which a batch is cut: they decide about the bits, not the "
               "processes of mpirun that share them; 0: one, or one for every process",
               from_to<std::int64_t>(0, 4096));
  add_optional("gradient-format", &o::gradient_format,
               "numbers of the parts' gradients where they are added up (default: fp32)",
               one_of({"fp32", "bf16"}));
  add("batch-statistics", &o::batch_statistics,
      "batch norm in training: every group of keys with its own statistics, all with the batch's, or with "
      "the "
      "running ones, which stay as they are",
      name_in(statistics_names));
  add("optimizer", &o::optimizer,
      "sgd, adam, adamw (decoupled decay), or muon (orthogonal updates of convolutions, sgd for the rest)",
      one_of({"sgd", "adam", "adamw", "muon"}));
  add("lr", &o::lr, "learning rate", non_negative);
  add("momentum", &o::momentum, "Nesterov momentum of sgd, 0: plain", share);
  add_optional("filter-momentum", &o::filter_momentum, "muon: Nesterov momentum of convolutions, 0: 0.6",
               share);
  add_optional("lookahead", &o::lookahead, "updates after which weights become their average, 0: never",
               count_from(0));
  add_optional("beta2", &o::beta2, "adam, adamw: how much of the second moment is kept, 0: 0.999",
               from_to(0.0, 0.999999));
  add_optional("clip-norm", &o::clip_norm,
               "gradients whose norm, of all together, is more are scaled to it; 0: none are", non_negative);
  add("weight-decay", &o::weight_decay, "decay of parameters", non_negative);
  add_optional("decay-of", &o::decay_of,
               "what decays: all parameters (the default), or weights alone, no norms and no biases",
               one_of({"all", "weights"}));
  add_optional(
      "rate-of", &o::rate_of,
      "factors of the learning rate, NAME=FACTOR with commas between them: layers, blocks or "
      "parameters by PyTorch's names, or vectors (norms and biases); the last that names a parameter",
      any_text("NAME=FACTOR,..."));
  add_optional(
      "whiten", &o::whiten,
      "convolution whose filters are made of the training images' own statistics, before the first step",
      any_text("LAYER"));
  add_optional("smoothing", &o::smoothing, "share of a label that is spread over all classes", share);
  add_optional(
      "augment", &o::augment,
      "what happens to training images (default: the data set's): none, or with commas between them "
      "crop@PIXELS, reflect (the crop's edge), flip, alternate (the flip), rotate@DEGREES, shift@SHARE",
      any_text("WHAT,..."));
  add_optional(
      "freeze", &o::freeze,
      "layers and blocks that are not trained, by PyTorch's names with commas between them (with --init)",
      any_text("NAMES"));
  add("schedule", &o::schedule, "learning-rate schedule", name_in(schedule_names));
  add("milestones", &o::milestones,
      "where the rate falls tenfold (schedule step): shares of the run below 1, or whole epochs",
      non_negative);
  add_optional("warm-up", &o::warm_up, "share of the run over which the rate rises", from_to(0.0, 0.99));
  add_optional("lr-end", &o::lr_end, "cosine, linear: what share of the rate they end at", share);
  add("precision", &o::precision, "activations and matrix products: float, or bf16 beside float weights",
      one_of({"fp32", "bf16"}));
  add("nonfinite", &o::nonfinite, "a step with NaN or infinity: stop, skip_step (no update), or ignore",
      name_in(nonfinite_names));
  all.back().may_be_missing = true;
  add("init", &o::init,
      "begin with the weights of this run folder (and with its model, data set and, for the same key space "
      "and no "
      "--key-seed, its keys) or of this safetensors file",
      value_check{.takes = "FOLDER|FILE", .allowed = "the name of a folder or a file"});
  all.back().may_be_missing = true;
  add("seed", &o::seed, "seed of everything that is random", any_seed);
  add("train-limit", &o::train_limit, "first training images only, 0: all (glyphs: 4000)", count_from(0));

  heading = "Evaluation";
  add("test-limit", &o::test_limit, "first test images only, 0: all (glyphs: 1000)", count_from(0));
  add("eval-keys", &o::eval_keys, "valid keys, and as many invalid keys, in the evaluation", count_from(1));
  add("eval-images", &o::eval_images, "test images that each key sees", count_from(1));
  add("eval-every", &o::eval_every,
      "epochs between evaluations on the test images, with at most 10 keys; 0: after the last epoch only",
      count_from(0));
  all.back().may_be_missing = true;
  add("families", &o::families, "invalid keys of the evaluation: FAMILY[@NUMBER],... or all",
      any_text("FAMILY,..."));

  add_optional(
      "views", &o::views,
      "copies of a test image whose logits are averaged: one (the default), mirrored, or mirrored+shifted",
      name_in(spankey::view_names));

  heading = "This machine";
  add_of_call("threads", &o::threads, "threads, 0: all", count_from(0));
  add_of_call("device", &o::device, "what computes: the processor, or an NVIDIA GPU", one_of(device_names));
  return all;
}

}  // namespace

const std::vector<setting>& settings() {
  static const std::vector<setting> all = all_settings();
  return all;
}

const std::vector<std::string>& data_settings() {
  static const std::vector<std::string> names = {"images", "labels",    "test-images", "test-labels",
                                                 "layout", "resize",    "sample",      "classes",
                                                 "text",   "test-text", "test-share"};
  return names;
}

const value_check& allowed_for(std::string_view name) {
  const auto found =
      std::find_if(settings().begin(), settings().end(), [&](const setting& s) { return s.name == name; });
  if (found == settings().end()) spankey::fail("flag.129", name, "is no setting of a run");
  return found->allowed;
}
