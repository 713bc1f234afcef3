#include "spankey/checkpoint/key_space_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "spankey/file/safetensors.hpp"
#include "spankey/file/safetensors_writer.hpp"

namespace {

using spankey_test::id_of;

using spankey::index_t;
using spankey::key_space;
using spankey::key_space_config;
using spankey::safetensors_file;
using spankey::safetensors_writer;
using spankey::site;
using spankey_test::content_of;
using spankey_test::scratch_directory;

const std::vector<site> sites{{0, {3, 4, 4}}, {3, {8, 2, 2}}};

key_space_config config_of(bool own_key, bool own_basis) {
  key_space_config config;
  config.subspace_dim = 4;
  config.basis = spankey::basis_kind::orthonormal;
  config.coefficients = spankey::coefficient_kind::sphere;
  config.rescale = spankey::rescale_kind::per_key;
  config.key_std = 0.1F;
  config.per_site_key = own_key;
  config.per_site_basis = own_basis;
  config.seed = 0xFEDCBA9876543210U;
  return config;
}

std::vector<std::vector<float>> keys_of(key_space& keys) {
  std::vector<std::vector<float>> drawn;
  std::vector<float*> outputs;
  for (const site& s : keys.sites()) drawn.emplace_back(static_cast<std::size_t>(3 * s.shape.size()));
  for (auto& d : drawn) outputs.push_back(d.data());
  keys.draw_valid(spankey::random_source(5, spankey::stream::coefficients), 3, outputs);
  return drawn;
}

// Loads a copy of `path` whose metadata entry `name` is `value` ("-" leaves it out).
std::string id_with(const scratch_directory& directory, const std::string& path, const std::string& name,
                    const std::string& value) {
  const safetensors_file file = safetensors_file::open(path);
  safetensors_writer writer;
  for (const auto& [tensor, content] : file.tensors())
    writer.add(tensor, content.type, content.shape, content.bytes);
  for (const auto& [key, text] : file.metadata()) {
    if (key != name && !spankey::is_checksum(key)) writer.set_metadata(key, text);
  }
  if (value != "-") writer.set_metadata(name, value);
  writer.write(directory / "changed");
  return id_of([&] { spankey::load_key_space(directory / "changed"); });
}

}  // namespace

TEST_CASE("a loaded key space draws the same keys, bit for bit, in every arrangement") {
  for (const auto& [own_key, own_basis] :
       std::vector<std::pair<bool, bool>>{{false, false}, {true, false}, {true, true}}) {
    const scratch_directory directory;
    key_space keys(config_of(own_key, own_basis), sites);
    spankey::save_key_space(keys, directory / "k");
    key_space loaded = spankey::load_key_space(directory / "k");
    CHECK(keys_of(loaded) == keys_of(keys));
    CHECK(std::vector<site>(loaded.sites().begin(), loaded.sites().end()) == sites);
    const key_space_config& c = loaded.config();
    CHECK(c.subspace_dim == 4);
    CHECK(c.basis == spankey::basis_kind::orthonormal);
    CHECK(c.coefficients == spankey::coefficient_kind::sphere);
    CHECK(c.rescale == spankey::rescale_kind::per_key);
    CHECK(c.key_std == 0.1F);
    CHECK(c.per_site_key == own_key);
    CHECK(c.per_site_basis == own_basis);
    CHECK(c.seed == 0xFEDCBA9876543210U);
    spankey::save_key_space(loaded, directory / "again");
    CHECK(content_of(directory / "again") == content_of(directory / "k"));
  }
}

TEST_CASE("offset and spread are stored where a configuration has its own, both or none") {
  const scratch_directory directory;
  key_space_config config = config_of(true, true);
  spankey::save_key_space(key_space(config, sites), directory / "usual");
  const safetensors_file file = safetensors_file::open(directory / "usual");
  CHECK_FALSE(file.metadata().contains("offset"));
  CHECK_FALSE(spankey::load_key_space(directory / "usual").config().offset.has_value());

  config.offset = 0.1;
  key_space keys(config, sites);
  spankey::save_key_space(keys, directory / "k");
  key_space loaded = spankey::load_key_space(directory / "k");
  CHECK(keys_of(loaded) == keys_of(keys));
  CHECK(loaded.config().offset == 0.1);
  CHECK(loaded.config().spread == 1.0);
  key_space usual = spankey::load_key_space(directory / "usual");
  CHECK(keys_of(usual) != keys_of(keys));

  const auto with = [&](const std::string& name, const std::string& value) {
    return id_with(directory, directory / "k", name, value);
  };
  CHECK(with("offset", "-2.5") == "no error");
  CHECK(with("offset", "-") == "key_file.101");
  CHECK(with("spread", "-") == "key_file.101");
  CHECK(with("offset", "x") == "key_file.102");
  CHECK(with("spread", "") == "key_file.102");
  CHECK(with("spread", "nan") == "key.117");
  CHECK(with("spread", "0") == "key.117");
}

TEST_CASE("only the owner can read the file, whatever was there before") {
  const scratch_directory directory;
  spankey_test::put(directory / "k", "old and readable by all");
  const mode_t before = ::umask(0);
  spankey::save_key_space(key_space(config_of(false, false), sites), directory / "k");
  ::umask(before);
  struct stat found {};
  REQUIRE(::stat((directory / "k").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE("rows are stored in file order (C, H, W)") {
  const scratch_directory directory;
  const key_space keys(config_of(true, true), sites);
  spankey::save_key_space(keys, directory / "k");
  const auto stored = safetensors_file::open(directory / "k").read_f32("basis.3", {4, 8, 2, 2});
  const float* const memory = keys.subspace_of(1).basis();
  for (index_t row = 0; row < 4; ++row)
    for (index_t j = 0; j < 32; ++j)
      CHECK(stored[static_cast<std::size_t>(row * 32 + spankey::file_index(sites[1].shape, j))] ==
            memory[row * 32 + j]);
}

TEST_CASE("wrong metadata is an error of one line") {
  const scratch_directory directory;
  const std::string path = directory / "k";
  spankey::save_key_space(key_space(config_of(true, true), sites), path);
  const auto with = [&](const std::string& name, const std::string& value) {
    return id_with(directory, path, name, value);
  };
  CHECK(with("seed", "1") == "no error");
  const safetensors_file file = safetensors_file::open(path);
  for (const auto& entry : file.metadata()) {
    const std::string& name = entry.first;
    if (spankey::is_checksum(name)) continue;
    CAPTURE(name);
    CHECK(with(name, "-") == "key_file.101");
    CHECK(with(name, "\n").starts_with("key"));
    CHECK(with(name, "").starts_with("key"));
  }
  CHECK(with("comment", "x") == "key_file.101");
  CHECK(with("format", "spankey key space 2") == "key_file.102");
  CHECK(with("subspace_dim", "4 ") == "key_file.102");
  CHECK(with("subspace_dim", "99999999999999999999") == "key_file.102");
  CHECK(with("subspace_dim", "5") == "safetensors.123");
  CHECK(with("subspace_dim", "-1") != "no error");
  CHECK(with("basis", "fourier") == "key.101");
  CHECK(with("coefficients", "x") == "key.102");
  CHECK(with("rescale", "x") == "key.103");
  CHECK(with("key_std", "nan") == "key.107");
  CHECK(with("key_std", "inf") == "key.107");
  CHECK(with("key_std", "0.1x") == "key_file.102");
  CHECK(with("per_site_key", "true") == "key_file.102");
  CHECK(with("per_site_key", "0") == "key.116");
  CHECK(with("seed", "-1") == "key_file.102");
  CHECK(with("sites", "0,") == "key_file.102");
  CHECK(with("sites", "0;3") == "key_file.102");
  CHECK(with("sites", "0") == "key_file.103");
  CHECK(with("sites", "0,3,4") == "safetensors.121");
  CHECK(with("sites", "0,3,3") == "key.109");
  CHECK(with("sites", "9,9") == "key.109");  // before anything is looked for, or copied
  std::string many = "0,3";
  for (int i = 4; i < 70; ++i) many += "," + std::to_string(i);
  CHECK(with("sites", many) == "key_file.102");
  CHECK(with("subspace_dim", "0") == "key.105");
}

TEST_CASE("extents that cannot be multiplied, and bases that would take hours") {
  const scratch_directory directory;
  spankey::save_key_space(key_space(config_of(true, true), sites), directory / "k");
  const safetensors_file file = safetensors_file::open(directory / "k");
  const auto with_basis = [&](const char* m, const std::vector<index_t>& shape, std::size_t floats) {
    safetensors_writer writer;
    for (const auto& [key, text] : file.metadata())
      if (!spankey::is_checksum(key)) writer.set_metadata(key, text);
    writer.set_metadata("subspace_dim", m);
    writer.set_metadata("sites", "0");
    writer.add_f32("basis.0", shape, std::vector<float>(floats));
    writer.write(directory / "changed");
    return id_of([&] { spankey::load_key_space(directory / "changed"); });
  };
  constexpr index_t huge = index_t{1} << 62;
  CHECK(with_basis("0", {0, huge, huge, 4}, 0) == "key.105");
  CHECK(with_basis("1", {1, 0, huge, huge}, 0) == "key.110");
  CHECK(with_basis("-1", {1, 2, 2, 2}, 8) == "key.105");
  CHECK(with_basis("3", {3, 1, 1, 2}, 6) == "key.106");
  const std::vector<spankey::site> wide = {{0, {4096, 1, 1}}};
  CHECK(id_of([&] { spankey::require_key_space_work(2048, wide, "k"); }) == "no error");
  CHECK(id_of([&] { spankey::require_key_space_work(4096, wide, "k"); }) == "key_file.104");
  // Not computed: the file is refused although every basis in it is sound.
  CHECK(with_basis("4096", {4096, 4096, 1, 1}, std::size_t{4096} * 4096) == "key_file.104");
  spankey_test::put(directory / "huge", "");
  std::filesystem::resize_file(directory / "huge",
                               static_cast<std::uintmax_t>(spankey::key_space_file_cap) + 1);
  CHECK(id_of([&] { spankey::load_key_space(directory / "huge"); }) == "io.105");
}

TEST_CASE("weights, nothing and a cut file are no key files") {
  const scratch_directory directory;
  safetensors_writer weights;
  weights.add_f32("fc.bias", {1}, std::vector<float>{1});
  weights.write(directory / "w");
  CHECK(id_of([&] { spankey::load_key_space(directory / "w"); }) == "key_file.101");
  CHECK(id_of([&] { spankey::load_key_space(directory / "missing"); }) == "io.101");
  spankey_test::put(directory / "empty", "");
  CHECK(id_of([&] { spankey::load_key_space(directory / "empty"); }) == "safetensors.101");
  spankey::save_key_space(key_space(config_of(true, true), sites), directory / "k");
  const std::string whole = content_of(directory / "k");
  spankey_test::put(directory / "cut", whole.substr(0, whole.size() - 1));
  CHECK(id_of([&] { spankey::load_key_space(directory / "cut"); }).starts_with("safetensors."));
}

TEST_CASE("a damaged basis is found, and its checksum is in no error text") {
  const scratch_directory directory;
  spankey::save_key_space(key_space(config_of(true, true), sites), directory / "k");
  const safetensors_file file = safetensors_file::open(directory / "k");
  const std::string checksum = file.metadata().at("crc32.basis.0"), whole = content_of(directory / "k");
  const std::size_t body = file.find("basis.0")->bytes.size();
  for (std::size_t i = 1; i <= body; i += 7) {
    std::string text = whole;
    text[text.size() - i] = static_cast<char>(text[text.size() - i] ^ 1);
    spankey_test::put(directory / "damaged", text);
    const std::string message =
        spankey_test::message_of([&] { spankey::load_key_space(directory / "damaged"); });
    CHECK(message.starts_with("[spankey.checksum.103]"));
    CHECK(message.find(checksum) == std::string::npos);
  }
}

TEST_CASE("the seed is in no error text") {
  const scratch_directory directory;
  spankey::save_key_space(key_space(config_of(true, true), sites), directory / "k");
  const safetensors_file file = safetensors_file::open(directory / "k");
  safetensors_writer writer;
  for (const auto& [key, text] : file.metadata())
    if (!spankey::is_checksum(key)) writer.set_metadata(key, text);
  writer.set_metadata("seed", "4711x");
  writer.write(directory / "changed");
  try {
    spankey::load_key_space(directory / "changed");
    FAIL("no error");
  } catch (const spankey::error& e) {
    CHECK(std::string(e.what()).find("4711") == std::string::npos);
    CHECK(std::string(e.what()).find("seed: expected an integer") != std::string::npos);
  }
}
