#include "kotg.hpp"
#include "kotg_attacks.hpp"
#include "network.hpp"
#include "spankey/file/input_file.hpp"

namespace {

using namespace kotg_parts;

std::string whole_text(const std::string& path) {
  const input_file file(path);
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read_at(0, reinterpret_cast<std::byte*>(text.data()), file.size());
  return text;
}

struct part {
  const char* name;
  void (*run)(bench&, const teller&);
};
constexpr part claims[] = {{"utility", claim_utility},   {"matrix", claim_matrix},
                           {"collapse", claim_collapse}, {"nonces", claim_nonces},
                           {"blocks", claim_blocks},     {"throughput", claim_throughput},
                           {"rotation", claim_rotation}};
constexpr part attacks[] = {{"hook", attack_hook},   {"zero", attack_zero},
                            {"probe", attack_probe}, {"finetune", attack_finetune},
                            {"guess", attack_guess}, {"procrustes", attack_procrustes}};

}  // namespace

void kotg_on_cpu(const run_options& base, const kotg_options& request, const kotg_told& told) {
  bench b(gpt_size_of(base), request, whole_text(request.text));
  for (const part& p : claims)
    if (std::find(request.claims.begin(), request.claims.end(), p.name) != request.claims.end())
      p.run(b, teller(p.name, told));
  for (const part& p : attacks)
    if (std::find(request.attacks.begin(), request.attacks.end(), p.name) != request.attacks.end())
      p.run(b, teller(std::string("attack ") + p.name, told));
}
