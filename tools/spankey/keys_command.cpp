#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "keys.hpp"
#include "keys_parts.hpp"
#include "output_file.hpp"
#include "program_command.hpp"
#include "spankey/checkpoint/ring_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/folder_lock.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/key/ring_key.hpp"
#include "spankey/key/tracing.hpp"
#include "spankey/lock/kotg.hpp"
#include "spankey/lock/master_key_file.hpp"

namespace {

using namespace spankey;
namespace fs = std::filesystem;

// ------------------------------------------------------------------------------------------------ flags

struct action_flags {
  const char* action;
  const char* what;  // of the positional value; null: there is none
  std::vector<std::string> required, allowed;
};

const std::vector<action_flags>& known_actions() {
  const static std::vector<action_flags> all = [] {
    const std::vector<std::string> opens = {"--key-passphrase-file", "--key-passphrase-env", "--secret-key",
                                            "--device-key"};
    std::vector<std::string> seals = {"--run",    "--to",  "--expires", "--note", "--kind",       "--role",
                                      "--master", "--out", "--passes",  "--kib",  "--public-key", "--today"};
    std::vector<std::string> verifies = {"--revocations", "--today"},
                             exports = {"--out", "--raw", "--header", "--name"};
    seals.insert(seals.end(), {"--key-passphrase-file", "--key-passphrase-env", "--device-key"});
    verifies.insert(verifies.end(), opens.begin(), opens.end());
    exports.insert(exports.end(), opens.begin(), opens.end());
    return std::vector<action_flags>{{"init", nullptr, {"--ring", "--run"}, {"--passes", "--kib"}},
                                     {"issue", nullptr, {"--ring", "--run", "--to"}, seals},
                                     {"list", nullptr, {"--ring"}, {}},
                                     {"inspect", "FILE", {}, {"--run"}},
                                     {"verify", "FILE", {"--run"}, verifies},
                                     {"rotate", nullptr, {"--ring", "--run"}, {"--revocations"}},
                                     {"revoke", "NAME", {"--ring"}, {"--revocations"}},
                                     {"export", "FILE", {}, exports},
                                     {"trace", "FILE", {"--ring", "--run"}, {"--colluders"}},
                                     {"pair", nullptr, {"--out"}, {}}};
  }();
  return all;
}

void require_flags(const flag_set& flags, const keys_options& request) {
  const auto action = std::find_if(known_actions().begin(), known_actions().end(),
                                   [&](const action_flags& a) { return a.action == request.action; });
  const auto is_in = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const bool opens_ring = is_in(action->required, "--ring");
  for (const flag& f : flags.flags()) {
    if (!f.given() || f.name() == "ACTION") continue;
    const bool known = f.name() == "WHAT"
                           ? action->what != nullptr
                           : is_in(action->required, f.name()) || is_in(action->allowed, f.name()) ||
                                 (opens_ring && f.name().starts_with("--passphrase-"));
    if (!known) fail("flag.210", f.name(), "is no flag of spankey keys ", request.action);
  }
  if (action->what != nullptr && request.what.empty())
    fail("flag.211", request.action, "expected ", action->what, " behind it");
  for (const std::string& name : action->required)
    if (!flags.given(name)) fail("flag.211", name, "is what spankey keys ", request.action, " needs");
}

// The ring for as long as nobody else changes it.
struct held_ring {
  folder_lock alone;
  open_ring open;
};

std::string folder_of(const std::string& file) {
  const fs::path folder = fs::path(file).parent_path();
  return folder.empty() ? "." : folder.string();
}
held_ring hold(const keys_options& r) {
  folder_lock alone(folder_of(r.ring));
  return {std::move(alone), open_ring::load(r.ring, read_passphrase(of_ring(r), false))};
}

void write_revocations(const keys_options& r, const key_ring& ring) {
  const std::string path = r.revocations.empty() ? r.ring + ".revoked" : r.revocations;
  require_output("--revocations", path);
  const std::vector<std::byte> file = ring.revocations();
  write_file_atomically(path, byte_view(file), file_mode::shared);
  revocation_list list;
  (void)list.read(file);
  std::printf("wrote %s: %zu revoked, generation %u\n", printable(path).c_str(), list.size(),
              list.generation());
}

// ------------------------------------------------------------------------------------------------ actions

int init(const keys_options& r) {
  require_new_output("--ring", r.ring);
  const key_run run = run_of(r.run, false);
  const open_ring made(run.network, read_passphrase(of_ring(r), true),
                       {static_cast<std::uint32_t>(r.passes), static_cast<std::uint32_t>(r.kib)});
  made.save_new(r.ring);
  std::printf("wrote %s: a key ring (secret) for the network %s\n", printable(r.ring).c_str(),
              hexadecimal(run.network).c_str());
  return 0;
}

int pair(const keys_options& r) {
  require_new_output("--out", r.out);
  const secret_bytes secret = draw_master_key();
  write_secret(r.out, secret.bytes());
  std::printf("wrote %s: 32 bytes (secret); its public key:\n", printable(r.out).c_str());
  for (const std::byte b : public_key_of(secret)) std::printf("%02x", static_cast<unsigned>(b));
  std::printf("\n");
  return 0;
}

secret_vector<std::byte> payload_of(const keys_options& r, const key_run& run, const key_ring& ring,
                                    const ring_customer& who, const std::optional<master_key>& master) {
  secret_vector<std::byte> payload;
  if (who.payload == key_payload::span)
    return key_file_bytes(run.network, who.serial, customer_key(*run.space, ring.master(), who));
  if (who.payload == key_payload::master) {
    payload.assign(master->bytes().begin(), master->bytes().end());
    return payload;
  }
  const auto role = static_cast<std::uint32_t>(r.role);
  const std::string text = kotg_keys(*master).text(static_cast<int>(role));
  payload.resize(sizeof role + text.size());
  std::memcpy(payload.data(), &role, sizeof role);
  std::memcpy(payload.data() + sizeof role, text.data(), text.size());
  return payload;
}

int issue(const keys_options& r) {
  const std::string out = r.out.empty() ? r.to + ".key" : r.out;
  require_new_output("--out", out);
  const auto payload = static_cast<key_payload>(
      1 + std::find(payload_names.begin(), payload_names.end(), r.kind) - payload_names.begin());
  const bool of_span = payload == key_payload::span;
  if (of_span != r.master.empty())
    fail("flag.211", "--master",
         of_span ? "is for --kind master and role" : "is what --kind master and role need");
  std::optional<master_key> master;
  if (!of_span) master.emplace(load_master_key(r.master));
  const key_run run = run_of(r.run, of_span);
  held_ring held = hold(r);
  key_ring& ring = held.open.ring;
  if (run.network != ring.network())
    fail("ring.108", printable(r.run), "is the network ", hexadecimal(run.network),
         ", expected that of the ring, ", hexadecimal(ring.network()), ", or spankey keys rotate before");
  const sealed_key_target target = target_of(r);
  const ring_customer& who = ring.issue({.name = r.to,
                                         .note = r.note,
                                         .issued = day_now(r),
                                         .expires = r.expires.empty() ? 0 : *day_in(r.expires),
                                         .payload = payload});
  const std::vector<std::byte> file = seal_key(payload_of(r, run, ring, who, master),
                                               {.payload = payload,
                                                .network = run.network,
                                                .serial = who.serial,
                                                .generation = who.generation,
                                                .issued = who.issued,
                                                .expires = who.expires},
                                               target);
  held.open.save(r.ring);  // before: no key is out that the ring does not know
  write_secret(out, file);
  std::printf("wrote %s: %s key %llu for %s, generation %u, last day %s, %zu bytes\n", printable(out).c_str(),
              r.kind.c_str(), static_cast<unsigned long long>(who.serial), printable(who.name).c_str(),
              who.generation, day_text_of(who.expires).c_str(), file.size());
  return 0;
}

int list(const keys_options& r) {
  const open_ring open = open_ring::load(r.ring, read_passphrase(of_ring(r), false));
  const key_ring& ring = open.ring;
  std::printf("network %s, generation %u\n", hexadecimal(ring.network()).c_str(), ring.generation());
  if (ring.customers().empty()) return 0;
  std::printf("%6s  %-7s %-6s %4s  %-10s  %-10s  %s\n", "serial", "state", "kind", "gen.", "issued",
              "last day", "name");
  for (const ring_customer& c : ring.customers())
    std::printf("%6llu  %-7s %-6s %4u  %-10s  %-10s  %s%s%s\n", static_cast<unsigned long long>(c.serial),
                c.revoked                           ? "revoked"
                : c.generation != ring.generation() ? "old"
                                                    : "good",
                name_of(c.payload), c.generation, day_text_of(c.issued).c_str(),
                day_text_of(c.expires).c_str(), printable(c.name).c_str(), c.note.empty() ? "" : ": ",
                printable(c.note).c_str());
  return 0;
}

int rotate(const keys_options& r) {
  const key_run run = run_of(r.run, false);
  held_ring held = hold(r);
  held.open.ring.rotate(run.network);
  held.open.save(r.ring);
  std::printf("generation %u of keys, for the network %s: keys issued before are old\n",
              held.open.ring.generation(), hexadecimal(run.network).c_str());
  write_revocations(r, held.open.ring);
  return 0;
}

int revoke(const keys_options& r) {
  held_ring held = hold(r);
  held.open.ring.revoke(r.what);
  held.open.save(r.ring);
  std::printf("revoked %s, serial %llu\n", printable(r.what).c_str(),
              static_cast<unsigned long long>(held.open.ring.named(r.what).serial));
  write_revocations(r, held.open.ring);
  return 0;
}

// A found key: a key file, or numbers as they are, of the run's sites in the order of their numbers.
std::vector<site_key> found_key(const std::string& path, const key_space& space) {
  const auto bytes = bytes_of<secret_vector<std::byte>>(path);
  key_file file;
  const key_file_state state = file.read(bytes);
  if (state != key_file_state::foreign) return load_key(byte_view(bytes), printable(path)).sites;
  std::vector<site> sites(space.sites().begin(), space.sites().end());
  std::sort(sites.begin(), sites.end(), [](const site& a, const site& b) { return a.number < b.number; });
  std::size_t count = 0;
  for (const site& s : sites) count += static_cast<std::size_t>(s.shape.size());
  if (bytes.size() != count * sizeof(float))
    fail("trace.104", printable(path), "expected a key file, or ", count, " float32 numbers, found ",
         bytes.size(), " bytes");
  std::vector<site_key> key;
  const std::byte* next = bytes.data();
  for (const site& s : sites) {
    site_key& k =
        key.emplace_back(site_key{s, secret_vector<float>(static_cast<std::size_t>(s.shape.size()))});
    std::memcpy(k.values.data(), next, k.values.size() * sizeof(float));
    next += k.values.size() * sizeof(float);
    for (const float x : k.values)
      if (!is_finite(x)) fail("trace.104", printable(path), "found a NaN or an infinity among its numbers");
  }
  return key;
}

int trace(const keys_options& r) {
  const key_run run = run_of(r.run, true);
  const std::vector<site_key> found = found_key(r.what, *run.space);
  const open_ring open = open_ring::load(r.ring, read_passphrase(of_ring(r), false));
  const std::vector<trace_finding> findings = trace_key(*run.space, open.ring, run.network, found);
  const trace_code code = code_of(*run.space);
  const double threshold = accusation_threshold(code.kind, findings.size());
  const auto name_of_customer = [](const trace_finding& f) {
    return "serial " + std::to_string(f.customer->serial) + "  " + printable(f.customer->name);
  };
  if (!findings.empty() && findings.front().is_his) {
    std::printf("it is the key of one customer as it was issued: %s\n",
                name_of_customer(findings.front()).c_str());
    return 0;
  }
  require_traceable(code, findings.size(), static_cast<std::size_t>(r.colluders));
  std::printf(
      "%zu customers, %lld coefficients that tell them apart, threshold %.2f: somebody innocent is above it "
      "at most once "
      "in 1000 such tests\n",
      findings.size(), static_cast<long long>(code.length()), threshold);
  std::size_t accused = 0, shown = 0;
  for (const trace_finding& f : findings) {
    accused += f.took_part;
    if (f.took_part || shown++ < 5)
      std::printf("%8.2f  %-9s %s\n", f.score, f.took_part ? "took part" : "", name_of_customer(f).c_str());
  }
  if (accused == 0) std::printf("nobody is accused: it is no key of this ring, or too many made it\n");
  return 0;
}

int run_action(const keys_options& r) {
  const std::pair<const char*, int (*)(const keys_options&)> all[] = {
      {"init", &init},         {"issue", &issue},   {"list", &list},     {"inspect", &inspect_key},
      {"verify", &verify_key}, {"rotate", &rotate}, {"revoke", &revoke}, {"export", &export_key},
      {"trace", &trace},       {"pair", &pair}};
  for (const auto& [name, action] : all)
    if (r.action == name) return action(r);
  return 2;
}

class keys_line final : public opened_command {
 public:
  explicit keys_line(flag_set& flags) { declare_keys_flags(flags, request_); }
  [[nodiscard]] output_text text() const override {
    const std::string& a = request_.action;
    const bool prints = a == "list" || a == "inspect" || a == "verify" || a == "trace";
    return prints ? output_text::all_there_is : output_text::beside_files;
  }
  int run(const flag_set& flags) override { return keys(flags, request_); }

 private:
  keys_options request_;
};

}  // namespace

int keys(const flag_set& flags, const keys_options& request) {
  require_flags(flags, request);
  const rlimit none{0, 0};  // keys do not go into core files
  (void)::setrlimit(RLIMIT_CORE, &none);
  try {
    return run_action(request);
  } catch (const spankey::error& problem) {
    const std::string& id = problem.id();
    const bool refuses = id.starts_with("sealed_key.") || id.starts_with("key_file.11") ||
                         id.starts_with("ring.11") || id.starts_with("trace.") || id == "key.126" ||
                         id == "ring.108";
    if (!refuses) throw;
    std::fprintf(stderr, "%s\n", problem.what());
    return key_refused;
  }
}

program_command keys_entry() {
  return {"keys", "customers' keys: issue, seal, check, rotate, revoke, trace; status 3 where one is refused",
          &open_command<keys_line>};
}
