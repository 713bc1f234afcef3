#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "convert.hpp"
#include "convert_text.hpp"
#include "network.hpp"
#include "output_file.hpp"
#include "run_folder.hpp"
#include "spankey/checkpoint/atomic_file.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/printable.hpp"
#include "spankey/core/error.hpp"
#include "spankey/infer/image.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;
using spankey::printable;

// Every file that is asked for can be made and is no other one, before any work.
void require_outputs(const convert_options& request) {
  std::map<fs::path, const char*> taken;
  std::error_code code;
  for (const char* name :
       {"config.json", "log.jsonl", "metrics.json", "weights.safetensors", "key_space.safetensors"})
    taken.emplace(fs::weakly_canonical(fs::path(request.run) / name, code), name);
  const auto require = [&](const char* flag, const std::string& file) {
    if (file.empty()) return;
    require_output(flag, file);
    const auto [other, is_new] = taken.emplace(fs::weakly_canonical(file, code), flag);
    if (!is_new)
      fail("flag.119", flag, "found '", printable(file), "', which is ", other->second,
           " already; expected a file of its own");
  };
  require("--out", request.out);
  require("--header", request.header);
  require("--key-out", request.key_out);
  require("--key-header", request.key_header);
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
  require_outputs(request);
}

// Model, head, gate: what a reader of a header wants to know.
std::string description(const run_options& options) {
  std::string text = options.model + ", deny mode " + options.deny + ", ";
  if (!options.keyed()) return text + "no key";
  char gamma[32];
  std::snprintf(gamma, sizeof gamma, "%g", options.gamma);
  std::vector<int> sites = options.sites;
  std::sort(sites.begin(), sites.end());
  text += std::string(options.inject == "add" ? "additive" : "multiplicative") + " key, gamma " + gamma +
          ", sites ";
  for (std::size_t i = 0; i < sites.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(sites[i]);
  return text;
}

// Site after site, float32 little endian.
spankey::secret_vector<std::byte> key_bytes(std::span<const spankey::site_key> key) {
  static_assert(std::endian::native == std::endian::little, "SpanKey: key files are little endian");
  std::size_t floats = 0;
  for (const auto& k : key) floats += k.values.size();
  spankey::secret_vector<std::byte> bytes;
  bytes.reserve(floats * sizeof(float));
  for (const auto& k : key) {
    const auto part = std::as_bytes(std::span<const float>(k.values));
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
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

void print_table(const converted& made) {
  std::printf("%lld test samples\n%-16s", static_cast<long long>(made.samples), "");
  constexpr const char* names[] = {"no key", "valid key", "gaussian key"};
  for (std::size_t c = 0; c < made.evaluations.front().conditions.size(); ++c) std::printf(" %19s", names[c]);
  std::printf("\n%-16s", "");
  for (std::size_t c = 0; c < made.evaluations.front().conditions.size(); ++c)
    std::printf("  %9s %8s", "semantic", "reject");
  std::puts("");
  spankey::index_t not_finite = 0;
  for (const auto& [who, conditions] : made.evaluations) {
    std::printf("%-16s", who.c_str());
    for (const counted_answers& a : conditions) {
      std::printf("  %9.4f %8.4f", a.shares[static_cast<std::size_t>(spankey::figure::semantic)],
                  a.shares[static_cast<std::size_t>(spankey::figure::reject)]);
      not_finite += a.not_finite;
    }
    std::puts("");
  }
  if (not_finite > 0)
    std::printf("%lld answers are NaN or infinity: counted as refused\n", static_cast<long long>(not_finite));
}

void wrote(const std::string& file, const char* what, std::size_t bytes) {
  std::printf("wrote %s: %s, %zu bytes\n", printable(file).c_str(), what, bytes);
}

std::string data_of(const std::string& model) {
  return model == "mlp"            ? "linear"
         : model == "small_cnn"    ? "mnist"
         : model == "small_resnet" ? "fashion-mnist"
                                   : "cifar10";
}

}  // namespace

int convert(const convert_options& request) {
  run_options options = read_config((fs::path(request.run) / "config.json").string());
  options.data_root = request.data_root;
  options.test_limit = request.test_limit.value_or(options.test_limit);
  require_keys_fit(options);
  require_sense(options, request);
  const converted made = network_named(options.model).convert(options, request);

  for (const made_image& image : made.images)
    std::printf("%s: %zu bytes\n", image.weights.c_str(), image.bytes.size());
  if (!made.evaluations.empty()) print_table(made);
  // All of it is there before the first file is.
  const std::string about = description(options);
  const made_image& image = made.images.front();
  using spankey::file_mode;
  if (!request.out.empty()) {
    spankey::write_file_atomically(request.out, std::span<const std::byte>(image.bytes), file_mode::shared);
    wrote(request.out, "weight image", image.bytes.size());
  }
  if (!request.header.empty()) {
    const std::string text = image_header_text(about + ", weights " + image.weights + pixels_text(image),
                                               request.name, image, made.network);
    spankey::write_file_atomically(request.header, text, file_mode::shared);
    wrote(request.header, "weight image as a header", text.size());
  }
  if (!request.key_out.empty()) {
    const auto bytes = key_bytes(made.key);
    spankey::write_file_atomically(request.key_out, std::span<const std::byte>(bytes), file_mode::secret);
    wrote(request.key_out, "key (secret)", bytes.size());
  }
  if (!request.key_header.empty()) {
    const auto text = key_header_text(about, request.name + "_key", made.key);
    spankey::write_file_atomically(request.key_header, std::string_view(text.data(), text.size()),
                                   file_mode::secret);
    wrote(request.key_header, "key (secret) as a header", text.size());
  }
  return 0;
}

int import_weights(const import_options& request) {
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
  require_keys_fit(options);
  require_free(options.out);
  network_named(options.model).import_weights(options, request);
  std::printf("wrote %s/: config.json %sweights.safetensors\n", printable(options.out).c_str(),
              keyed ? "key_space.safetensors (secret) " : "");
  return 0;
}
