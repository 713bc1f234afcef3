// spankey_conformance [--backend cpu|reference] [--device cpu|cuda] [--precision fp32|bf16] [--compute step|sessions]
//                     CASE.safetensors RESULT.safetensors
//
// Loads a case, runs one training step, writes what it computed. Exit status 0; 2 with one line on stderr and
// no result file where the case or the command line is wrong. --precision overrides the case's own. --device cuda is the
// backend of that name, where this program was built with it. --compute sessions runs no step: it asks inference sessions
// and the library's evaluation pass what the weights answer.

#include <cstdio>
#include <exception>
#include <optional>
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
    "usage: spankey_conformance [--backend cpu|reference] [--device cpu|cuda] [--precision fp32|bf16] "
    "[--compute step|sessions] CASE.safetensors RESULT.safetensors";

struct command_line {
  backend_kind backend = backend_kind::cpu;
  std::optional<precision_kind> precision;  // instead of the case's
  bool sessions = false;
  std::string case_path, result_path;
};

/// Nothing where the arguments are not what `usage` says.
std::optional<command_line> parse(std::vector<std::string> arguments) {
  if (arguments.size() < 2 || arguments.size() % 2 != 0) return std::nullopt;
  command_line line;
  line.result_path = arguments.back(), arguments.pop_back();
  line.case_path = arguments.back(), arguments.pop_back();
  bool backend_given = false, compute_given = false;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string &option = arguments[i], &value = arguments[i + 1];
    if (option == "--backend" && !backend_given && (value == "cpu" || value == "reference")) {
      line.backend = value == "cpu" ? backend_kind::cpu : backend_kind::reference;
      backend_given = true;
    } else if (option == "--device" && !backend_given && (value == "cpu" || value == "cuda")) {
      line.backend = value == "cpu" ? backend_kind::cpu : backend_kind::cuda;
      backend_given = true;
    } else if (option == "--precision" && !line.precision && (value == "fp32" || value == "bf16")) {
      line.precision = value == "fp32" ? precision_kind::fp32 : precision_kind::bf16;
    } else if (option == "--compute" && !compute_given && (value == "step" || value == "sessions")) {
      line.sessions = value == "sessions";
      compute_given = true;
    } else {
      return std::nullopt;
    }
  }
  // Sessions have engines and weights of their own.
  if (line.sessions && (backend_given || line.precision)) return std::nullopt;
  return line;
}

int refuse(std::string_view line) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  return 2;
}

safetensors_writer run(const command_line& line, const safetensors_file& file) {
  if (line.backend == backend_kind::cuda && !has_cuda)
    spankey::fail("case.116", "--device", "found cuda, but this program was built without spankey::cuda");
  conformance_case c = read_case(file);
  c.precision = line.precision.value_or(c.precision);
  return line.sessions ? run_sessions(c, file) : run_step(line.backend, c, file);
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<command_line> line = parse({argv + 1, argv + argc});
  if (!line) return refuse(usage);
  try {
    run(*line, safetensors_file::open(line->case_path)).write(line->result_path);
  } catch (const std::exception& e) {
    return refuse(e.what());
  }
  return 0;
}
