#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "commands.hpp"
#include "convert_text.hpp"
#include "keys_parts.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/key/membership.hpp"
#include "spankey/lock/lock_record.hpp"
#include "spankey/lock/master_key_file.hpp"

using namespace spankey;

namespace {

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

// Whether a master key is the one of the run's lock, where it has one.
void require_opens_lock(const std::string& run, const master_key& key, const std::string& where) {
  const std::string path = (std::filesystem::path(run) / lock_file_name).string();
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return;
  const lock_record lock = lock_record::load(path, lock_record::kind_of(path));
  try {
    lock.require_whole(key);
  } catch (const spankey::error& problem) {
    if (problem.id() != "lock.132") throw;
    fail("sealed_key.113", where, "opens, but is not the key of the run's lock");
  }
}

}  // namespace

int inspect_key(const keys_options& r) {
  const auto bytes = bytes_of<secret_vector<std::byte>>(r.what);
  const std::string where = printable(r.what);
  key_file plain;
  if (const key_file_state state = plain.read(bytes); state == key_file_state::ok) {
    std::printf("%s: a key in the clear, number %llu, %zu bytes\nnetwork %s\n", where.c_str(),
                static_cast<unsigned long long>(plain.number()), bytes.size(),
                hexadecimal(plain.network()).c_str());
  } else {
    const sealed_key_file file = read_sealed_key(bytes, where);
    const sealed_key_header& h = file.header();
    std::uint64_t checksum;  // of what is sealed: it says nothing of the key
    std::memcpy(&checksum, bytes.data() + bytes.size() - sizeof checksum, sizeof checksum);
    const char* const recipients[] = {"a passphrase", "a public key", "a device"};
    std::printf("%s: a sealed key, %s, %zu bytes, checksum %s\n", where.c_str(), name_of(h.payload),
                bytes.size(), hexadecimal(checksum).c_str());
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

int verify_key(const keys_options& r) {
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
    payload = open_sealed_key(*file, secret_of(r.opens), where);
    about = "serial " + std::to_string(h.serial) + ", generation " + std::to_string(h.generation) +
            ", last day " + day_text_of(h.expires);
  }
  if (!of_span) {
    if (file->header().payload == key_payload::master)
      require_opens_lock(r.run, master_key(byte_view(payload)), where);
    std::printf("valid: %s, %s\n", name_of(file->header().payload), about.c_str());
    return 0;
  }
  const double outside = share_outside(*run.space, load_key(byte_view(payload), where, run.network).sites);
  if (!(outside <= most_outside))
    fail("sealed_key.113", where, "has a share of ", outside, " outside the span, expected at most 0.00001");
  std::printf("valid: span, %s, share outside the span below 0.00001\n", about.c_str());
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
  const secret_vector<std::byte> payload = open_sealed_key(file, secret_of(r.opens), where);
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
