// spankey_conformance [--backend cpu|reference] CASE.safetensors RESULT.safetensors
//
// Loads a case, runs one training step, writes what it computed. Exit status 0; 2 with one line on stderr and
// no result file where the case or the command line is wrong.

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "case.hpp"
#include "run.hpp"

namespace {

using namespace conformance;
using spankey::safetensors_file;
using spankey::safetensors_writer;

constexpr std::string_view usage =
    "usage: spankey_conformance [--backend cpu|reference] CASE.safetensors RESULT.safetensors";

int refuse(std::string_view line) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  return 2;
}

safetensors_writer run(backend_kind backend, const safetensors_file& file) {
  const conformance_case c = read_case(file);
  switch (c.model) {
    case model_kind::mlp:
      return run_mlp(backend, c, file);
    case model_kind::small_cnn:
      return run_small_cnn(backend, c, file);
    case model_kind::small_resnet:
      return run_small_resnet(backend, c, file);
    case model_kind::resnet18:
      break;
  }
  return run_resnet18(backend, c, file);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  auto backend = backend_kind::cpu;
  if (arguments.size() == 4 && arguments[0] == "--backend" &&
      (arguments[1] == "cpu" || arguments[1] == "reference")) {
    if (arguments[1] == "reference") backend = backend_kind::reference;
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.size() != 2) return refuse(usage);
  try {
    run(backend, safetensors_file::open(arguments[0])).write(arguments[1]);
  } catch (const std::exception& e) {
    return refuse(e.what());
  }
  return 0;
}
