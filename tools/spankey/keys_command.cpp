#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <optional>

#include "commands.hpp"
#include "convert_text.hpp"
#include "keys.hpp"
#include "output_file.hpp"
#include "passphrase.hpp"
#include "predict.hpp"
#include "run_folder.hpp"
#include "run_functions.hpp"
#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/checkpoint/ring_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/folder_lock.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/key/membership.hpp"
#include "spankey/key/sealed_key.hpp"
#include "spankey/key/tracing.hpp"
#include "spankey/lock/kotg.hpp"
#include "spankey/lock/master_key_file.hpp"

namespace {

using namespace spankey;
namespace fs = std::filesystem;
using byte_view = std::span<const std::byte>;

constexpr std::array<const char*, 3> payload_names{"span", "master", "role"};

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

day_number day_now(const keys_options& request) {
  if (!request.today.empty()) return *day_in(request.today);
  return static_cast<day_number>(std::max<std::time_t>(std::time(nullptr), 0) / 86400);
}

// ------------------------------------------------------------------------------------------------ secrets

passphrase_source of_ring(const keys_options& r) {
  return {.file = r.passphrase_file, .variable = r.passphrase_env};
}
passphrase_source of_key(const keys_options& r) {
  return {.file = r.key_passphrase_file,
          .variable = r.key_passphrase_env,
          .flag = "--key-passphrase-file",
          .asks = "passphrase of the key"};
}

secret_bytes bytes_in(const char* flag, const std::string& path) {
  input_file file(path);
  if (file.size() != static_cast<index_t>(secret_bytes::size))
    fail("flag.214", flag, "found ", file.size(), " bytes in '", printable(path), "', expected 32");
  secret_vector<std::byte> bytes(secret_bytes::size);
  file.read(bytes.data(), file.size());
  return secret_bytes(byte_view(bytes));
}

// At most one way to seal or to open may be named; none is a passphrase that the terminal asks for.
void require_one_way(const keys_options& r) {
  int named = 0;
  for (const std::string* way :
       {&r.key_passphrase_file, &r.key_passphrase_env, &r.public_key, &r.secret_key, &r.device_key})
    named += way->empty() ? 0 : 1;
  if (named > 1) fail("flag.215", "keys", "found ", named, " ways to seal or open a key, expected one");
}

sealed_key_target target_of(const keys_options& r) {
  require_one_way(r);
  if (!r.device_key.empty()) return sealed_key_target::device(bytes_in("--device-key", r.device_key));
  if (!r.public_key.empty()) {
    public_key key{};
    for (std::size_t i = 0; i < 64; ++i) {
      const char c = r.public_key[i];
      const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      key[i / 2] =
          static_cast<std::byte>(static_cast<unsigned>(key[i / 2]) << 4 | static_cast<unsigned>(digit));
    }
    return sealed_key_target::of_public_key(key);
  }
  return sealed_key_target::passphrase(
      read_passphrase(of_key(r), true),
      {static_cast<std::uint32_t>(r.passes), static_cast<std::uint32_t>(r.kib)});
}

sealed_key_secret secret_of(const keys_options& r) {
  require_one_way(r);
  if (!r.device_key.empty())
    return {.kind = key_recipient::device, .key = bytes_in("--device-key", r.device_key)};
  if (!r.secret_key.empty())
    return {.kind = key_recipient::box, .key = bytes_in("--secret-key", r.secret_key)};
  return {.kind = key_recipient::passphrase, .passphrase = read_passphrase(of_key(r), false)};
}

// ------------------------------------------------------------------------------------------------ files

template <class Bytes>
Bytes bytes_of(const std::string& path) {
  input_file file(path);
  if (file.size() > key_file_cap)
    fail("io.105", file.name(), "expected at most ", key_file_cap, " bytes, found ", file.size());
  Bytes bytes(static_cast<std::size_t>(file.size()));
  file.read(bytes.data(), file.size());
  return bytes;
}

void require_new_output(const char* flag, const std::string& path) {
  require_output(flag, path);
  require_new_name(path);
}
void write_secret(const std::string& path, byte_view bytes) {
  require_new_name(path);
  write_file_atomically(path, bytes, file_mode::secret);
}

std::string hexadecimal(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}
std::string day_text_of(day_number day) {
  if (day == 0) return "-";
  const std::array<char, 10> letters = text_of_day(day);
  return {letters.data(), letters.size()};
}

// A finished run: its network's fingerprint, and its key space where it has one.
struct key_run {
  run_options options;
  std::uint64_t network = 0;
  std::optional<key_space> space{};
};

key_run run_of(const std::string& run, bool with_keys) {
  key_run made{.options = run_to_ask(run, with_keys)};
  convert_options asked;
  asked.run = run;
  made.network = functions_on("cpu", made.options).convert(made.options, asked).fingerprint;
  if (with_keys)
    made.space.emplace(read_keys(made.options, (fs::path(run) / "key_space.safetensors").string()));
  return made;
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
                payload_names[static_cast<std::size_t>(c.payload) - 1], c.generation,
                day_text_of(c.issued).c_str(), day_text_of(c.expires).c_str(), printable(c.name).c_str(),
                c.note.empty() ? "" : ": ", printable(c.note).c_str());
  return 0;
}

void print_space(const keys_options& r) {
  if (r.run.empty()) return;
  const key_run run = run_of(r.run, true);
  const key_space_config& config = run.space->config();
  std::printf("the run: network %s, m=%lld, coefficients %s offset %g spread %g, rescale %s to %g\n",
              hexadecimal(run.network).c_str(), static_cast<long long>(config.subspace_dim),
              std::string(name_of(config.coefficients)).c_str(), config.law().offset, config.law().spread,
              std::string(name_of(config.rescale)).c_str(), static_cast<double>(config.key_std));
  for (const site& s : run.space->sites())
    std::printf("  site %d: C=%lld H=%lld W=%lld\n", s.number, static_cast<long long>(s.shape.channels),
                static_cast<long long>(s.shape.height), static_cast<long long>(s.shape.width));
}

int inspect(const keys_options& r) {
  const auto bytes = bytes_of<secret_vector<std::byte>>(r.what);
  const std::string where = printable(r.what);
  std::uint64_t checksum = 0;
  if (bytes.size() >= sizeof checksum)
    std::memcpy(&checksum, bytes.data() + bytes.size() - sizeof checksum, sizeof checksum);
  key_file plain;
  if (const key_file_state state = plain.read(bytes); state == key_file_state::ok) {
    std::printf("%s: a key in the clear, number %llu, %zu bytes, checksum %s\nnetwork %s\n", where.c_str(),
                static_cast<unsigned long long>(plain.number()), bytes.size(), hexadecimal(checksum).c_str(),
                hexadecimal(plain.network()).c_str());
  } else {
    const sealed_key_file file = read_sealed_key(bytes, where);
    const sealed_key_header& h = file.header();
    const char* const recipients[] = {"a passphrase", "a public key", "a device"};
    std::printf("%s: a sealed key, %s, %zu bytes, checksum %s\n", where.c_str(),
                payload_names[static_cast<std::size_t>(h.payload) - 1], bytes.size(),
                hexadecimal(checksum).c_str());
    std::printf("network %s\nserial %llu, generation %u, issued %s, last day %s\nsealed to %s",
                hexadecimal(h.network).c_str(), static_cast<unsigned long long>(h.serial), h.generation,
                day_text_of(h.issued).c_str(), day_text_of(h.expires).c_str(),
                recipients[static_cast<std::size_t>(h.recipient) - 1]);
    if (h.recipient == key_recipient::passphrase)
      std::printf(": Argon2id, %u passes over %u KiB", h.passes, h.kib);
    std::printf("\nwhat stands here is known to be its writer's once the key opens\n");
  }
  print_space(r);
  return 0;
}

// The list of a file, and the bytes that it reads.
struct read_revocations {
  std::vector<std::byte> bytes;
  revocation_list list;
};
void read_list(const std::string& path, read_revocations& to) {
  to.bytes = bytes_of<std::vector<std::byte>>(path);
  if (to.list.read(to.bytes) != revocation_list_state::ok)
    fail("sealed_key.114", printable(path), "expected a revocation list as it was written, found ",
         to.bytes.size(), " bytes that are none");
}

int verify(const keys_options& r) {
  const std::string where = printable(r.what);
  const auto bytes = bytes_of<secret_vector<std::byte>>(r.what);
  read_revocations revoked;
  if (!r.revocations.empty()) read_list(r.revocations, revoked);
  key_file plain;
  const bool sealed = plain.read(bytes) != key_file_state::ok;
  std::optional<sealed_key_file> file;
  if (sealed) file.emplace(read_sealed_key(bytes, where));
  const bool of_span = !sealed || file->header().payload == key_payload::span;
  const key_run run = run_of(r.run, of_span);
  std::string about = "in the clear";
  secret_vector<std::byte> payload = bytes;
  if (sealed) {
    const sealed_key_header& h = file->header();
    const sealed_key_state state = file->check({.network = run.network,
                                                .today = day_now(r),
                                                .revoked = r.revocations.empty() ? nullptr : &revoked.list});
    require_sealed_key(state, where, h);
    payload = open_sealed_key(*file, secret_of(r), where);
    about = "serial " + std::to_string(h.serial) + ", generation " + std::to_string(h.generation) +
            ", last day " + day_text_of(h.expires);
  }
  if (!of_span) {
    std::printf("valid: %s, %s\n", payload_names[static_cast<std::size_t>(file->header().payload) - 1],
                about.c_str());
    return 0;
  }
  const double outside = share_outside(*run.space, load_key(byte_view(payload), where, run.network).sites);
  if (!(outside <= most_outside))
    fail("sealed_key.113", where, "has a share of ", outside, " outside the span, expected at most 0.00001");
  std::printf("valid: span, %s, share outside the span below 0.00001\n", about.c_str());
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

int export_key(const keys_options& r) {
  if (r.out.empty() && r.raw.empty() && r.header.empty())
    fail("flag.211", "export", "expected --out, --raw or --header");
  for (const auto& [flag, path] : {std::pair("--out", &r.out), {"--raw", &r.raw}, {"--header", &r.header}})
    if (!path->empty()) require_new_output(flag, *path);
  const std::string where = printable(r.what);
  const auto bytes = bytes_of<std::vector<std::byte>>(r.what);
  const sealed_key_file file = read_sealed_key(bytes, where);
  const sealed_key_header& h = file.header();
  if (h.payload != key_payload::span && !(r.raw.empty() && r.header.empty()))
    fail("flag.210", r.raw.empty() ? "--header" : "--raw", "is for span keys");
  const secret_vector<std::byte> payload = open_sealed_key(file, secret_of(r), where);
  const auto wrote = [](const std::string& path, const char* what) {
    std::printf("wrote %s: %s (secret)\n", printable(path).c_str(), what);
  };
  if (h.payload == key_payload::master) {
    save_master_key(r.out, master_key(byte_view(payload)));
    wrote(r.out, "a master key");
    return 0;
  }
  if (h.payload == key_payload::role) {
    secret_vector<std::byte> line(payload.begin() + 4, payload.end());
    line.push_back(std::byte{'\n'});
    write_secret(r.out, line);
    wrote(r.out, "a role's key text");
    return 0;
  }
  if (!r.out.empty()) write_secret(r.out, payload), wrote(r.out, "a key that sessions bind");
  const loaded_key key = load_key(byte_view(payload), where);
  if (!r.raw.empty()) {
    secret_vector<std::byte> raw;
    for (const site_key& k : key.sites) {
      const byte_view part = std::as_bytes(std::span(k.values));
      raw.insert(raw.end(), part.begin(), part.end());
    }
    write_secret(r.raw, raw);
    wrote(r.raw, "its numbers");
  }
  if (!r.header.empty()) {
    const auto text = key_header_text(
        "serial " + std::to_string(h.serial) + " of network " + hexadecimal(h.network), r.name, key.sites);
    write_secret(r.header, std::as_bytes(std::span(text)));
    wrote(r.header, "a key as a header");
  }
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
      {"init", &init},     {"issue", &issue},   {"list", &list},     {"inspect", &inspect},
      {"verify", &verify}, {"rotate", &rotate}, {"revoke", &revoke}, {"export", &export_key},
      {"trace", &trace},   {"pair", &pair}};
  for (const auto& [name, action] : all)
    if (r.action == name) return action(r);
  return 2;
}

}  // namespace

bool writes_files(const keys_options& request) {
  const std::string& a = request.action;
  return a != "list" && a != "inspect" && a != "verify" && a != "trace";
}

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
