#include "keys_parts.hpp"

#include <cstdio>
#include <filesystem>

#include "convert.hpp"
#include "output_file.hpp"
#include "predict.hpp"
#include "run_folder.hpp"
#include "run_functions.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

using namespace spankey;

day_number day_now(const keys_options& request) {
  if (!request.today.empty()) return *day_in(request.today);
  return today();
}

passphrase_source of_ring(const keys_options& r) {
  return {.file = r.passphrase_file, .variable = r.passphrase_env};
}
sealed_key_target target_of(const keys_options& r) {
  require_one_way(r.opens, r.public_key.empty() ? 0 : 1);
  if (!r.opens.device_key.empty())
    return sealed_key_target::device(bytes_of_secret("--device-key", r.opens.device_key));
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
  return sealed_key_target::passphrase(key_passphrase(r.opens, true), {static_cast<std::uint32_t>(r.passes),
                                                                       static_cast<std::uint32_t>(r.kib)});
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

key_run run_of(const std::string& run, bool with_keys) {
  key_run made{.options = run_to_ask(run, with_keys)};
  convert_options asked;
  asked.run = run;
  made.network = functions_on("cpu", made.options).convert(made.options, asked).fingerprint;
  if (with_keys)
    made.space.emplace(
        read_keys(made.options, (std::filesystem::path(run) / "key_space.safetensors").string()));
  return made;
}
