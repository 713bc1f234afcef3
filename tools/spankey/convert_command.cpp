#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "convert.hpp"
#include "convert_flags.hpp"
#include "convert_text.hpp"
#include "data_sets.hpp"
#include "network.hpp"
#include "output_target.hpp"
#include "program_command.hpp"
#include "run_data.hpp"
#include "run_folder.hpp"
#include "run_functions.hpp"
#include "session_answers.hpp"
#include "settings.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/infer/image.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;
using spankey::printable;

// Where everything that is asked for goes.
struct outputs {
  output_target image, header, key, key_header;
  [[nodiscard]] bool has_stdout() const {
    return image.is_stdout() || header.is_stdout() || key.is_stdout() || key_header.is_stdout();
  }
};

// Every one of them can be written and is no other one, before any work.
outputs outputs_of(const convert_options& request) {
  std::map<std::string, const char*> taken;
  std::error_code code;
  for (const char* name :
       {"config.json", "log.jsonl", "metrics.json", "weights.safetensors", "key_space.safetensors"})
    taken.emplace(fs::weakly_canonical(fs::path(request.run) / name, code).string(), name);
  const auto target = [&](const char* flag, const std::string& file, replaces old) {
    if (file.empty()) return output_target();
    if (const auto own = taken.find(fs::weakly_canonical(file, code).string()); own != taken.end())
      fail("flag.119", flag, "found '", printable(file), "', which is ", own->second,
           " already; expected a file of its own");
    const output_target made(flag, file, old);
    const auto [other, is_new] = taken.emplace(made.identity(), flag);
    if (!is_new)
      fail("flag.119", flag, "found '", printable(file), "', which is ", other->second,
           " already; expected a file of its own");
    return made;
  };
  return {target("--out", request.out, replaces::weight_image),
          target("--header", request.header, replaces::weight_header),
          target("--key-out", request.key_out, replaces::nothing),
          target("--key-header", request.key_header, replaces::nothing)};
}

void require_sense(const run_options& options, const convert_options& request) {
  const bool writes_weights = !request.out.empty() || !request.header.empty();
  if (!writes_weights && !request.wants_key() && !request.evaluate)
    fail("flag.117", "convert",
         "found nothing to do, expected --out, --header, --key-out, --key-header or --evaluate");
  for (const std::string& w : request.weights)
    if (std::count(request.weights.begin(), request.weights.end(), w) > 1)
      fail("flag.118", "--weights", "found ", w, " twice");
  if (writes_weights && request.weights.size() != 1)
    fail("flag.118", "--weights", "found ", request.weights.size(),
         " types, expected one with --out or --header");
  if (request.wants_key() && !options.keyed())
    fail("flag.120", request.key_out.empty() ? "--key-header" : "--key-out",
         "the run has no key: it was made with --inject none");
  if (!spankey::checkpoints_in(request.run).empty())
    fail("flag.121", "--run", "'", printable(request.run),
         "' holds checkpoints: its training is not finished");
}

// Model, head, gate: what a reader of a header wants to know.
std::string description(const run_options& options) {
  std::string text = options.model + ", deny mode " + options.deny + ", ";
  if (!options.keyed()) return text + "no key";
  char gamma[32];
  std::snprintf(gamma, sizeof gamma, "%g", options.gamma);
  std::vector<int> sites = options.sites;
  std::sort(sites.begin(), sites.end());
  if (options.asks_keys()) text += std::to_string(options.syndrome_rows) + " rows ask keys first, ";
  if (options.inject != "syndrome")
    text += std::string(options.injector().name()) + " key, gamma " + gamma + ", ";
  text += "sites ";
  for (std::size_t i = 0; i < sites.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(sites[i]);
  return text;
}

// How the key that is written came to be chosen. Its number is no secret: without the space it says nothing.
void print_key(std::FILE* out, const converted& made, double least) {
  std::fprintf(out, "key %llu: ", static_cast<unsigned long long>(made.key_number));
  const spankey::tried_key& tried = made.tried;
  if (tried.images == 0) {
    std::fputs("not tried\n", out);
    return;
  }
  std::fprintf(
      out,
      "right %.4f, refused %.4f of %lld test images; bound %.4f (%g of the mean %.4f of valid keys); passed "
      "over: %lld\n",
      tried.answers[static_cast<std::size_t>(spankey::figure::semantic)],
      tried.answers[static_cast<std::size_t>(spankey::figure::reject)], static_cast<long long>(tried.images),
      tried.bound, least, tried.mean, static_cast<long long>(tried.passed_over));
}

// What the image's own bytes say of pixels, for a reader of the header.
std::string pixels_text(const made_image& image) {
  spankey::infer::image_header header;
  std::memcpy(&header, image.bytes.data(), sizeof header);
  if (header.pixels.channels == 0) return ", takes normalised numbers";
  std::string text[2];
  for (std::uint32_t c = 0; c < header.pixels.channels; ++c) {
    for (int i = 0; i < 2; ++i) {
      char number[32];
      std::snprintf(number, sizeof number, "%s%g", c == 0 ? "" : " ",
                    static_cast<double>((i == 0 ? header.pixels.mean : header.pixels.deviation)[c]));
      text[i] += number;
    }
  }
  return ", takes bytes: mean " + text[0] + ", deviation " + text[1];
}

void print_table(std::FILE* out, const converted& made) {
  std::fprintf(out, "%lld test samples\n%-16s", static_cast<long long>(made.samples), "");
  constexpr const char* names[] = {"no key", "valid key", "gaussian key"};
  for (std::size_t c = 0; c < made.evaluations.front().conditions.size(); ++c)
    std::fprintf(out, " %19s", names[c]);
  std::fprintf(out, "\n%-16s", "");
  for (std::size_t c = 0; c < made.evaluations.front().conditions.size(); ++c)
    std::fprintf(out, "  %9s %8s", "semantic", "reject");
  std::fputc('\n', out);
  spankey::index_t not_finite = 0;
  for (const auto& [who, conditions] : made.evaluations) {
    std::fprintf(out, "%-16s", who.c_str());
    for (const counted_answers& a : conditions) {
      std::fprintf(out, "  %9.4f %8.4f", a.shares[static_cast<std::size_t>(spankey::figure::semantic)],
                   a.shares[static_cast<std::size_t>(spankey::figure::reject)]);
      not_finite += a.not_finite;
    }
    std::fputc('\n', out);
  }
  if (not_finite > 0)
    std::fprintf(out, "%lld answers are NaN or infinity: counted as refused\n",
                 static_cast<long long>(not_finite));
}

std::string data_of(const std::string& model) {
  return model == "mlp"                       ? "linear"
         : model == "small_cnn"               ? "mnist"
         : model == "small_resnet"            ? "fashion-mnist"
         : model == "gpt" || model == "llama" ? "grammar"
                                              : "cifar10";
}

}  // namespace

int convert(const convert_options& request) {
  run_options options = read_config((fs::path(request.run) / "config.json").string());
  options.data_root = request.data_root;
  options.test_limit = request.test_limit.value_or(options.test_limit);
  require_keys_fit(options);
  require_sense(options, request);
  const outputs to = outputs_of(request);
  const converted made = functions_on("cpu", options).convert(options, request);
  report_lock(request.run);

  std::FILE* const text_out = to.has_stdout() ? stderr : stdout;
  for (const made_image& image : made.images)
    std::fprintf(text_out, "%s: %zu bytes\n", image.weights.c_str(), image.bytes.size());
  if (!made.key.empty()) print_key(text_out, made, request.key_bound);
  if (!made.evaluations.empty()) print_table(text_out, made);
  // All of it is there before the first file is.
  const std::string about = description(options);
  const made_image& image = made.images.front();
  using spankey::file_mode;
  const auto write = [&](const output_target& target, const char* what, auto&& contents, file_mode mode) {
    target.write(std::as_bytes(std::span(contents.data(), contents.size())), mode);
    std::fprintf(text_out, "wrote %s: %s, %zu bytes\n", target.name().c_str(), what, contents.size());
  };
  if (to.image) write(to.image, "weight image", image.bytes, file_mode::shared);
  if (to.header)
    write(to.header, "weight image as a header",
          image_header_text(about + ", weights " + image.weights + pixels_text(image), request.name, image,
                            network_lines(options, made.outputs)),
          file_mode::shared);
  if (to.key)
    write(to.key, "key (secret)", spankey::key_file_bytes(made.fingerprint, made.key_number, made.key),
          file_mode::secret);
  if (to.key_header)
    write(to.key_header, "key (secret) as a header", key_header_text(about, request.name + "_key", made.key),
          file_mode::secret);
  return 0;
}

int import_weights(const import_options& request) {
  if (!request.gguf.empty()) return import_gguf(request);
  if (request.context) fail("flag.235", "--context", "found it without --gguf, expected it beside one");
  if (request.model.empty() || request.weights.empty())
    fail("flag.232", request.model.empty() ? "--model" : "--weights",
         "expected it, or --gguf with the file of a language model");
  const bool keyed = request.inject != "none";
  if (keyed == request.key_space.empty())
    fail("flag.123", "--key-space",
         keyed ? "expected the file of the network's keys with --inject " : "found one with --inject ",
         request.inject);
  nlohmann::json given = {{"model", request.model},
                          {"data", request.data.empty() ? data_of(request.model) : request.data},
                          {"inject", request.inject}};
  if (!request.deny.empty()) given["deny"] = request.deny;
  if (!request.mean.empty()) given["mean"] = request.mean;
  if (!request.deviation.empty()) given["deviation"] = request.deviation;
  const nlohmann::json own = to_json(request.own_data);
  for (const std::string& name : data_settings())
    if (own.contains(name)) given[name] = own.at(name);
  if (keyed) {
    const spankey::key_space keys = spankey::load_key_space(request.key_space);
    const spankey::key_space_config& config = keys.config();
    std::vector<int> sites;
    for (const spankey::site& s : keys.sites()) sites.push_back(s.number);
    given.update({{"sites", sites},
                  {"gamma", request.gamma},
                  {"subspace-dim", config.subspace_dim},
                  {"basis", spankey::name_of(config.basis)},
                  {"coefficients", spankey::name_of(config.coefficients)},
                  {"offset", config.law().offset},
                  {"spread", config.law().spread},
                  {"rescale", spankey::name_of(config.rescale)},
                  {"key-std", config.key_std},
                  {"per-site-key", config.per_site_key},
                  {"per-site-basis", config.per_site_basis}});
  }
  run_options options = options_given(given, "import");
  options.out = request.out;
  options.data_root = request.own_data.data_root;
  if (!facts_of(options).known()) options = with_facts(options);
  if (options.mean.empty() && network_named(options.model).takes == sample_kind::images &&
      !brings_pixel_constants(options.data))
    fail("flag.140", "--mean, --deviation", "expected those that the network was trained with; ",
         options.data, " has none of its own");
  require_keys_fit(options);
  require_free(options.out);
  functions_on("cpu", options).import_weights(options, request);
  std::printf("wrote %s/: config.json %sweights.safetensors\n", printable(options.out).c_str(),
              keyed ? "key_space.safetensors (secret) " : "");
  return 0;
}

program_command convert_entry() {
  return plain<convert_options, declare_convert_flags, convert>(
      "convert", "write a run's weights and a key as inference reads them");
}

program_command import_entry() {
  return plain<import_options, declare_import_flags, import_weights>(
      "import", "make a run folder of weights that PyTorch trained (safetensors)");
}
