#include "flag_checks.hpp"
#include "keys.hpp"
#include "spankey/key/day.hpp"

namespace {

value_check day_text() {
  return {.takes = "YYYY-MM-DD", .allowed = "a day like 2027-01-31", .fits = [](const std::string& text) {
            return spankey::day_in(text).has_value();
          }};
}
value_check hexadecimal_key() {
  return {.takes = "HEX", .allowed = "64 hexadecimal digits", .fits = [](const std::string& text) {
            return text.size() == 64 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
          }};
}

}  // namespace

void declare_keys_flags(flag_set& flags, keys_options& request) {
  const auto file = path_text("FILE");
  flags
      .add_option(
          "ACTION", request.action,
          "init: a new ring; issue: a customer's key; list; rotate: a new generation; revoke NAME; "
          "trace FILE: who made a found key; inspect FILE, verify FILE, export FILE: a customer's key; "
          "pair: a customer's own secret and public key")
      ->check(one_of(
          {"init", "issue", "list", "inspect", "verify", "rotate", "revoke", "export", "trace", "pair"}))
      ->required();
  flags.add_option("WHAT", request.what, "the customer's name, or the key's file")->check(any_text("WHAT"));
  flags.add_option("--ring", request.ring, "SECRET: the owner's ring, mode 0600")
      ->check(file)
      ->under("the ring:");
  flags.add_option("--run", request.run, "run folder, finished, whose network the keys are for")
      ->check(path_text("FOLDER"));
  flags
      .add_option("--passphrase-file", request.passphrase_file,
                  "a file whose first line is the ring's passphrase (default: the terminal asks)")
      ->check(file);
  flags
      .add_option("--passphrase-env", request.passphrase_env,
                  "the environment variable that holds the ring's passphrase")
      ->check(any_text("NAME"));
  flags
      .add_option(
          "--revocations", request.revocations,
          "the list that sessions turn keys away by: written by rotate and revoke (default: RING.revoked), "
          "asked by verify")
      ->check(file);
  flags.add_option("--passes", request.passes, "init, issue: passes of Argon2id over its memory")
      ->check(from_to<std::int64_t>(1, 16));
  flags.add_option("--kib", request.kib, "init, issue: KiB of memory that a guess of the passphrase takes")
      ->check(from_to<std::int64_t>(8, 1 << 20));
  flags.add_option("--colluders", request.colluders, "trace: how many who share one key are to be found")
      ->check(from_to<std::int64_t>(1, 1000));

  flags.add_option("--to", request.to, "issue: the customer's name")
      ->check(any_text("NAME"))
      ->under("a customer's key:");
  flags.add_option("--expires", request.expires, "issue: its last day, UTC (default: it has none)")
      ->check(day_text());
  flags.add_option("--note", request.note, "issue: a note that stays in the ring")->check(any_text("TEXT"));
  flags
      .add_option(
          "--kind", request.kind,
          "issue: span: a key of the run's key space; master: what unlocks a locked run; role: a role of "
          "K-OTG")
      ->check(one_of({"span", "master", "role"}));
  flags.add_option("--master", request.master, "SECRET, of master and role: the master key (spankey keygen)")
      ->check(file)
      ->secret();
  flags.add_option("--role", request.role, "its number")->check(from_to<std::int64_t>(0, 1 << 30));
  flags
      .add_option(
          "--out", request.out,
          "issue: the sealed key (default: NAME.key); export: SECRET, what sessions bind, or unlock takes; "
          "pair: SECRET, 32 bytes. Never over a file that is there")
      ->check(file);
  flags.add_option("--raw", request.raw, "export: SECRET, the numbers as they are, float32")->check(file);
  flags.add_option("--header", request.header, "export: SECRET, the same as a C++ header")->check(file);
  flags.add_option("--name", request.name, "export: what the header calls it")->check(identifier_text());
  flags.add_option("--today", request.today, "instead of the clock's day, for issue and verify")
      ->check(day_text());

  declare_sealed_key_flags(flags, request.opens);
  flags.add_option("--public-key", request.public_key, "issue: of X25519, as pair prints it")
      ->check(hexadecimal_key());
}
