#include "convert_flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>

#include "flag_checks.hpp"
#include "network.hpp"

namespace {

// ASCII only: the text of a compiler's source.
std::string name_problem(const std::string& given) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool good = !given.empty() && letter(given.front()) &&
                    std::all_of(given.begin(), given.end(),
                                [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; });
  return good ? std::string()
              : "found '" + given + "', expected a name of letters, digits and _ that begins with a letter";
}

}  // namespace

void declare_convert_flags(CLI::App& app, convert_options& request) {
  constexpr std::int64_t most = (std::int64_t{1} << 30) - 1;
  constexpr std::uint64_t last_key = std::numeric_limits<std::uint32_t>::max();
  app.add_option("--run", request.run, "run folder, finished")->required();
  app.add_option(
         "--weights", request.weights,
         "fp32, bf16 (half the bytes) or int8 (a quarter, one scale a channel); several only to compare")
      ->delimiter(',')
      ->check(CLI::IsMember({"fp32", "bf16", "int8"}))
      ->capture_default_str();
  app.add_option("--out", request.out, "weight image, for a file or raw flash");
  app.add_option("--header", request.header, "the same as a C++ header");
  app.add_option("--name", request.name, "the array in the header; a key's has _key behind it")
      ->check(CLI::Validator([](const std::string& given) { return name_problem(given); }, ""))
      ->capture_default_str();
  app.add_option("--key-out", request.key_out,
                 "SECRET: one valid key as float32, site after site, (C,H,W); mode 0600");
  app.add_option(
      "--key-header", request.key_header,
      "SECRET: the same as a C++ header. This puts the secret into source: whoever reads the source, or "
      "the program made of it, has the key");
  app.add_option("--key-index", request.key_index, "which valid key")
      ->check(from_to<std::uint64_t>(0, last_key))
      ->capture_default_str();
  app.add_flag("--evaluate", request.evaluate,
               "also compare sessions with the training library on the test set");
  app.add_option("--data-root", request.data_root, "folder of the data sets")->capture_default_str();
  app.add_option("--test-limit", request.test_limit, "first test samples only")
      ->check(from_to<std::int64_t>(0, most));
  app.add_option("--threads", request.threads, "threads, 0: all")->check(from_to<std::int64_t>(0, most));
}

void declare_import_flags(CLI::App& app, import_options& request) {
  app.add_option("--model", request.model, "network")->required()->check(CLI::IsMember(network_names()));
  app.add_option("--weights", request.weights, "safetensors with PyTorch's names, of any floating-point type")->required();
  app.add_option("--out", request.out, "run folder: new or empty")->required();
  app.add_option("--data", request.data, "what it was trained on (default: the model's usual data set)")
      ->check(CLI::IsMember({"glyphs", "cifar10", "mnist", "fashion-mnist", "linear"}));
  app.add_option("--mean", request.mean,
                 "mean of pixel/255 that it was trained with, one a channel, comma-separated (default: the "
                 "data set's)")
      ->delimiter(',')
      ->check(from_to(-1e6, 1e6));
  app.add_option("--deviation", request.deviation, "its standard deviation, one a channel")
      ->delimiter(',')
      ->check(from_to(1e-6, 1e6));
  app.add_option("--inject", request.inject, "injector")
      ->check(CLI::IsMember({"none", "add", "mul"}))
      ->capture_default_str();
  app.add_option("--key-space", request.key_space, "keys of a gated network: a key_space.safetensors");
  app.add_option("--gamma", request.gamma, "strength of the injection")
      ->check(from_to(0.0, 1e9))
      ->capture_default_str();
  app.add_option("--deny", request.deny, "deny mode, which decides about the head (default: the data's)");
}
