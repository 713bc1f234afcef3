// What checkpoint/issued_key_file.hpp declares.
#pragma once

#include <sys/stat.h>

#include <cstring>

#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/key/key_file.hpp"

namespace spankey {

secret_vector<std::byte> key_file_bytes(std::uint64_t network, std::uint64_t number,
                                        std::span<const site_key> key) {
  key_file_header header{
      .network = network, .number = number, .sites = static_cast<std::uint32_t>(key.size())};
  std::size_t values = 0;
  for (const site_key& k : key) values += k.values.size();
  const std::size_t size = sizeof header + key.size() * sizeof(key_file_site) + values * sizeof(float);
  header.bytes = size + sizeof(std::uint64_t);
  secret_vector<std::byte> file(size + sizeof(std::uint64_t));
  std::byte* next = file.data();
  const auto append = [&](const void* from, std::size_t bytes) {
    std::memcpy(next, from, bytes);
    next += bytes;
  };
  append(&header, sizeof header);
  for (const site_key& k : key) {
    const key_file_site entry{
        static_cast<std::uint32_t>(k.at.number), static_cast<std::uint32_t>(k.at.shape.channels),
        static_cast<std::uint32_t>(k.at.shape.height), static_cast<std::uint32_t>(k.at.shape.width)};
    append(&entry, sizeof entry);
  }
  for (const site_key& k : key) append(k.values.data(), k.values.size() * sizeof(float));
  const std::uint64_t checksum = word_checksum(file.data(), size);
  append(&checksum, sizeof checksum);
  key_file written;
  if (written.read(file) != key_file_state::ok)
    fail("key_file.113", "key_file_bytes",
         "expected keys of sites with ascending numbers, as long as their sites, ", "of finite numbers");
  return file;
}

void require_new_name(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0)
    fail("io.117", printable(path),
         "expected a name that is free, since what is there may be a key; found a ",
         S_ISDIR(found.st_mode) ? "folder" : "file");
}

void save_key(const std::string& path, std::uint64_t network, std::uint64_t number,
              std::span<const site_key> key) {
  const secret_vector<std::byte> bytes = key_file_bytes(network, number, key);
  require_new_name(path);
  write_file_atomically(path, std::span<const std::byte>(bytes), file_mode::secret);
}

loaded_key load_key(std::span<const std::byte> bytes, const std::string& where, std::uint64_t network) {
  key_file file;
  switch (file.read(bytes)) {
    case key_file_state::ok:
      break;
    case key_file_state::foreign:
      fail("key_file.111", where, "expected a key file, found ", bytes.size(),
           " bytes that do not begin as one does");
    case key_file_state::newer:
    case key_file_state::other_kind:
      fail("key_file.112", where,
           "expected a key file of version 1 and kind 1, found one of a later version");
    case key_file_state::damaged:
      fail("key_file.113", where, "expected a key file as it was written, found it damaged: ", bytes.size(),
           " bytes");
    case key_file_state::not_finite:
      fail("key_file.113", where, "expected finite numbers, found a NaN or an infinity");
  }
  if (network != 0 && file.network() != network)
    fail("key_file.114", where, "expected a key of this network, found one that was issued for another");
  loaded_key key{file.network(), file.number(), {}};
  for (std::size_t i = 0; i < file.sites(); ++i) {
    const std::span<const std::byte> values = file.values(i);
    site_key& made =
        key.sites.emplace_back(site_key{file.at(i), secret_vector<float>(values.size() / sizeof(float))});
    std::memcpy(made.values.data(), values.data(), values.size());
  }
  return key;
}

loaded_key load_key(const std::string& path, std::uint64_t network) {
  input_file input(path);
  if (input.size() > key_file_cap)
    fail("io.105", input.name(), "expected at most ", key_file_cap, " bytes, found ", input.size());
  secret_vector<std::byte> bytes(static_cast<std::size_t>(input.size()));
  input.read(bytes.data(), input.size());
  return load_key(std::span<const std::byte>(bytes), input.name(), network);
}

}  // namespace spankey
