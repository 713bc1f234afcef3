// What checkpoint/key_space_file.hpp declares.
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/file/input_file.hpp"
#include "spankey/file/number_text.hpp"
#include "spankey/file/safetensors_writer.hpp"

namespace spankey {

void require_key_space_work(index_t m, std::span<const site> sites, std::string_view where) {
  double elements = 0;
  for (const site& s : sites) elements += static_cast<double>(m) * static_cast<double>(s.shape.size());
  const double work = elements * static_cast<double>(m), bytes = elements * sizeof(float) + 65536;
  if (work > static_cast<double>(key_space_work_cap) || bytes > static_cast<double>(key_space_file_cap))
    fail("key_file.104", where, "expected bases of at most m m d = ", key_space_work_cap, " and ",
         key_space_file_cap, " bytes over all sites, found m=", m, ", ", work, " and ", bytes);
}

void save_key_space(const key_space& keys, const std::string& path) {
  const key_space_config& config = keys.config();
  require_key_space_work(config.subspace_dim, keys.sites(), printable(path));
  basic_safetensors_writer<wiping_allocator<std::byte>> writer;
  writer.set_metadata("format", key_space_format);
  writer.set_metadata("subspace_dim", number_text(config.subspace_dim));
  writer.set_metadata("basis", name_of(config.basis));
  writer.set_metadata("coefficients", name_of(config.coefficients));
  if (config.offset || config.spread) {
    writer.set_metadata("offset", number_text(config.law().offset));
    writer.set_metadata("spread", number_text(config.law().spread));
  }
  writer.set_metadata("rescale", name_of(config.rescale));
  writer.set_metadata("key_std", number_text(config.key_std));
  writer.set_metadata("per_site_key", config.per_site_key ? "1" : "0");
  writer.set_metadata("per_site_basis", config.per_site_basis ? "1" : "0");
  writer.set_metadata("seed", number_text(config.seed));
  std::string numbers;
  for (std::size_t i = 0; i < keys.sites().size(); ++i) {
    const site& s = keys.sites()[i];
    numbers += (i != 0 ? "," : "") + std::to_string(s.number);
    const secret_vector<float> rows = keys.subspace_of(static_cast<index_t>(i)).basis_in_file_order();
    writer.add_f32(basis_tensor(s.number),
                   {config.subspace_dim, s.shape.channels, s.shape.height, s.shape.width}, rows);
  }
  writer.set_metadata("sites", numbers);
  writer.add_checksums();
  writer.write(path, file_mode::secret);
}

/// Reads the metadata of a key file. Errors: key_file.101 entry missing or unknown, .102 not a value of its
/// kind.
class key_space_metadata {
 public:
  explicit key_space_metadata(const safetensors_file& file) : file_(file) {
    constexpr std::array<std::string_view, 10> names{
        "format",  "subspace_dim", "basis",          "coefficients", "rescale",
        "key_std", "per_site_key", "per_site_basis", "seed",         "sites"};
    constexpr std::array<std::string_view, 2> law{"offset", "spread"};
    const auto require = [&](std::string_view name) {
      if (file.metadata().contains(name)) return;
      fail("key_file.101", file.name(), "expected the metadata of a key file, found no ", in_quotes(name));
    };
    for (const std::string_view name : names) require(name);
    has_law_ = file.metadata().contains(law[0]) || file.metadata().contains(law[1]);
    if (has_law_) {
      for (const std::string_view name : law) require(name);
    }
    for (const auto& [name, value] : file.metadata()) {
      if (std::find(names.begin(), names.end(), name) == names.end() &&
          std::find(law.begin(), law.end(), name) == law.end() && !is_checksum(name)) {
        fail("key_file.101", file.name(), "expected the metadata of a key file only, found ",
             in_quotes(name));
      }
    }
    if (value_of("format") != key_space_format) wrong("format", in_quotes(key_space_format));
  }

  [[nodiscard]] key_space_config config() const {
    key_space_config c;
    c.subspace_dim = number<index_t>("subspace_dim", "an integer");
    c.basis = choose(basis_names, printable(value_of("basis")), "key.101", place("basis"));
    c.coefficients =
        choose(coefficient_names, printable(value_of("coefficients")), "key.102", place("coefficients"));
    if (has_law_) {
      c.offset = number<double>("offset", "a number");
      c.spread = number<double>("spread", "a number");
    }
    c.rescale = choose(rescale_names, printable(value_of("rescale")), "key.103", place("rescale"));
    c.key_std = number<float>("key_std", "a number");
    c.per_site_key = flag("per_site_key");
    c.per_site_basis = flag("per_site_basis");
    c.seed = number<std::uint64_t>("seed", "an integer from 0 to 2^64 - 1");
    return c;
  }

  [[nodiscard]] std::vector<int> sites() const {
    std::vector<int> numbers;
    std::string_view rest = value_of("sites");
    constexpr std::string_view expected = "site numbers separated by commas";
    for (;;) {
      const std::size_t comma = rest.find(',');
      const int number = parsed<int>(rest.substr(0, comma), "sites", expected);
      // Named again, a basis would be copied again: a short list could ask for any amount of memory.
      if (std::find(numbers.begin(), numbers.end(), number) != numbers.end())
        fail("key.109", file_.name(), "site ", number, ": listed twice");
      if (numbers.size() == key_space_site_cap) wrong("sites", "at most 64 site numbers");
      numbers.push_back(number);
      if (comma == std::string_view::npos) return numbers;
      rest.remove_prefix(comma + 1);
    }
  }

 private:
  [[nodiscard]] const std::string& value_of(std::string_view name) const {
    return file_.metadata().find(name)->second;
  }
  [[nodiscard]] std::string place(std::string_view name) const {
    return file_.name() + ": " + std::string(name);
  }

  [[noreturn]] void wrong(std::string_view name, std::string_view expected) const {
    fail("key_file.102", file_.name(), name, ": expected ", expected, ", found ",
         name == "seed" ? std::string("something else") : in_quotes(value_of(name)));
  }

  template <class Number>
  [[nodiscard]] Number parsed(std::string_view text, std::string_view name, std::string_view expected) const {
    Number value{};
    if (!read_number(text, value)) wrong(name, expected);
    return value;
  }
  template <class Number>
  [[nodiscard]] Number number(std::string_view name, std::string_view expected) const {
    return parsed<Number>(value_of(name), name, expected);
  }
  [[nodiscard]] bool flag(std::string_view name) const {
    const std::string& value = value_of(name);
    if (value != "0" && value != "1") wrong(name, "0 or 1");
    return value == "1";
  }

  const safetensors_file& file_;
  bool has_law_ = false;
};

key_space load_key_space(const std::string& path) {
  input_file input(path);
  if (input.size() > key_space_file_cap) {
    fail("io.105", input.name(), "expected at most ", key_space_file_cap, " bytes, found ", input.size());
  }
  secret_vector<std::byte> bytes(static_cast<std::size_t>(input.size()));
  input.read(bytes.data(), input.size());
  const safetensors_file file = safetensors_file::from_memory(bytes, path);

  const key_space_metadata metadata(file);
  check_checksums(file, false);
  const key_space_config config = metadata.config();
  if (config.subspace_dim < 1)
    fail("key.105", file.name(), "subspace_dim: expected at least 1, found ", config.subspace_dim);
  std::vector<site> sites;
  std::vector<secret_vector<float>> bases;
  for (const int number : metadata.sites()) {
    const stored_tensor& tensor =
        file.require(basis_tensor(number), dtype::f32,
                     {config.subspace_dim, any_extent, any_extent, any_extent}, "its metadata");
    if (tensor.bytes.empty())  // with an extent of 0 the others may be anything
      fail("key.110", file.name(), basis_tensor(number), ": expected positive extents, found ",
           shape_text(tensor.shape));
    sites.push_back({number, {tensor.shape[1], tensor.shape[2], tensor.shape[3]}});
    bases.emplace_back(static_cast<std::size_t>(tensor.count()));
    copy_elements(tensor, std::span<float>(bases.back()));
  }
  std::set<std::string, std::less<>> expected;
  for (const site& s : sites) expected.insert(basis_tensor(s.number));
  for (const auto& [name, tensor] : file.tensors()) {
    if (!expected.contains(name)) {
      fail("key_file.103", file.name(), "tensor ", in_quotes(name),
           ": expected only the bases of the sites, found ", tensor_text(tensor.type, tensor.shape));
    }
  }
  require_key_space(config, sites);
  require_key_space_work(config.subspace_dim, sites, file.name());
  const std::vector<std::span<const float>> views(bases.begin(), bases.end());
  return key_space(config, std::move(sites), views);
}

}  // namespace spankey
