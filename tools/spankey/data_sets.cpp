#include "data_sets.hpp"

#include <algorithm>
#include <array>

#include "spankey/core/error.hpp"
#include "spankey/core/token.hpp"
#include "spankey/data/byte_tokens.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/utf8.hpp"

namespace {

using spankey::extents;
using spankey::fail;

struct data_set {
  const char* name;
  const char* kind;
  extents sample;
  spankey::index_t classes;  // 0: as its files say
};
constexpr extents grey{1, 28, 28}, colour{3, 32, 32};
constexpr std::array<data_set, 19> data_sets = {{{"glyphs", "glyphs", colour, 10},
                                                 {"cifar10", "cifar10", colour, 10},
                                                 {"cifar100", "cifar10", colour, 100},
                                                 {"cifar100-coarse", "cifar10", colour, 20},
                                                 {"mnist", "mnist", grey, 10},
                                                 {"fashion-mnist", "fashion-mnist", grey, 10},
                                                 {"kmnist", "mnist", grey, 10},
                                                 {"qmnist", "mnist", grey, 10},
                                                 {"emnist-balanced", "mnist", grey, 47},
                                                 {"emnist-byclass", "mnist", grey, 62},
                                                 {"emnist-bymerge", "mnist", grey, 47},
                                                 {"emnist-digits", "mnist", grey, 10},
                                                 {"emnist-letters", "mnist", grey, 26},
                                                 {"emnist-mnist", "mnist", grey, 10},
                                                 {"linear", "linear", {20, 1, 1}, 5},
                                                 {"grammar", "text", {}, spankey::byte_tokens::semantic},
                                                 {"text", "text", {}, spankey::byte_tokens::semantic},
                                                 {"npy", "own", {}, 0},
                                                 {"folder", "own", {}, 0}}};

const data_set* found(const std::string& name) {
  const auto* const at =
      std::find_if(data_sets.begin(), data_sets.end(), [&](const data_set& d) { return d.name == name; });
  return at == data_sets.end() ? nullptr : at;
}

const data_set& named(const std::string& name) {
  const data_set* const set = found(name);
  if (set == nullptr) fail("flag.115", "--data", "no data set is called '", spankey::printable(name), "'");
  return *set;
}

void require_files_of_npy(const run_options& o) {
  const struct {
    const char* flag;
    const std::string& value;
  } files[] = {{"--images", o.images},
               {"--labels", o.labels},
               {"--test-images", o.test_images},
               {"--test-labels", o.test_labels}};
  for (const auto& [flag, value] : files) {
    if (!value.empty() && o.data != "npy")
      fail("flag.146", flag, "found a file with --data ", o.data, ", expected it with --data npy");
    if (!spankey::is_utf8(value))  // config.json names it
      fail("flag.147", flag, "found '", spankey::printable(value), "', expected a path in UTF-8");
  }
  if (!o.layout.empty() && o.data != "npy")
    fail("flag.146", "--layout", "found ", o.layout, " with --data ", o.data,
         ", expected it with --data npy");
  if (o.data != "npy") return;
  if (o.images.empty() || o.labels.empty())
    fail("flag.146", o.images.empty() ? "--images" : "--labels", "expected a .npy file with --data npy");
  if (o.test_images.empty() != o.test_labels.empty())
    fail("flag.146", o.test_images.empty() ? "--test-images" : "--test-labels",
         "expected a .npy file beside the other one, or neither");
}

void require_text_consistent(const run_options& o) {
  const struct {
    const char* flag;
    const std::string& value;
  } files[] = {{"--text", o.text}, {"--test-text", o.test_text}};
  for (const auto& [flag, value] : files) {
    if (!value.empty() && o.data != "text")
      fail("flag.146", flag, "found a file with --data ", o.data, ", expected it with --data text");
    if (!spankey::is_utf8(value))  // config.json names it
      fail("flag.147", flag, "found '", spankey::printable(value), "', expected a path in UTF-8");
  }
  if (o.vocabulary > 0 && o.data != "text")
    fail("flag.230", "--vocabulary", "found it with --data ", o.data, ", expected it with --data text");
  if (o.data == "text" && o.text.empty() && o.vocabulary == 0)
    fail("flag.146", "--text", "expected a file with --data text");
  if (o.context > 0 && !is_text(o.data))
    fail("flag.148", "--context", "found ", o.context, ", but ", o.data, " is no text");
  if (!is_text(o.data)) return;
  if (o.resize > 0) fail("flag.148", "--resize", "found ", o.resize, ", but ", o.data, " has no images");
  if (!o.sample.empty())
    fail("flag.149", "--sample", "found it with --data ", o.data, ", expected --context");
  if (!o.mean.empty() || !o.deviation.empty())
    fail("flag.140", "--mean, --deviation", "found them with --data ", o.data, ", which has no pixels");
  if (!o.augment.empty() && o.augment != "none")
    fail("flag.148", "--augment", "found '", spankey::printable(o.augment), "', but ", o.data,
         " has no images");
  if (!o.whiten.empty()) fail("flag.148", "--whiten", "found it, but ", o.data, " has no images");
  if (!o.views.empty() && o.views != "one")
    fail("flag.148", "--views", "found ", o.views, ", but ", o.data, " has no images");
}

}  // namespace

std::vector<std::string> data_names() {
  std::vector<std::string> names;
  for (const data_set& d : data_sets) names.emplace_back(d.name);
  return names;
}

std::string kind_of_data(const std::string& data) {
  const data_set* const set = found(data);
  return set == nullptr ? "" : set->kind;
}

data_facts facts_of(const run_options& options) {
  const data_set& set = named(options.data);
  data_facts facts{set.sample, set.classes};
  if (is_text(options.data)) {
    if (options.context > 0) facts.sample = spankey::token_sample(options.context);
    if (options.vocabulary > 0) facts.classes = options.vocabulary;
  } else if (set.classes == 0 || options.data == "glyphs") {
    if (set.classes == 0) facts.classes = options.classes;
    if (options.sample.size() == 3) facts.sample = {options.sample[0], options.sample[1], options.sample[2]};
    if (set.classes == 0 && options.sample.empty()) facts.classes = 0;
  } else if (options.resize > 0) {
    facts.sample.height = facts.sample.width = options.resize;
  }
  return facts;
}

bool is_text(const std::string& data) { return kind_of_data(data) == "text"; }

bool brings_pixel_constants(const std::string& data) {
  return data == "glyphs" || data == "cifar10" || data == "mnist" || data == "fashion-mnist";
}

void require_data_consistent(const run_options& o) {
  const data_set& set = named(o.data);
  require_files_of_npy(o);
  require_text_consistent(o);
  if (o.resize > 0 && (o.data == "glyphs" || o.data == "linear"))
    fail("flag.148", "--resize", "found ", o.resize, ", but ", o.data, " is drawn, not scaled");
  if (!o.sample.empty() && o.sample.size() != 3)
    fail("flag.149", "--sample", "found ", o.sample.size(),
         " numbers, expected three: channels, height, width");
  if (set.classes == 0 || (o.classes == 0 && o.sample.empty())) return;
  if (o.classes != 0 && o.classes != set.classes)
    fail("flag.149", "--classes", "found ", o.classes, ", but ", o.data, " has ", set.classes);
  if (is_text(o.data)) return;
  const extents e = facts_of(o).sample;
  const std::vector<int> own = {static_cast<int>(e.channels), static_cast<int>(e.height),
                                static_cast<int>(e.width)};
  if (!o.sample.empty() && o.sample != own)
    fail("flag.149", "--sample", "found ", o.sample[0], ",", o.sample[1], ",", o.sample[2], ", but ", o.data,
         " has ", own[0], ",", own[1], ",", own[2]);
}
