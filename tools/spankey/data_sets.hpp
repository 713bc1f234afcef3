// The data sets that a run can name, as far as no file has to be read for it. A new one is a line of the table in
// data_sets.cpp and a reader in run_data.cpp.
#pragma once

#include <string>
#include <vector>

#include "run_options.hpp"
#include "spankey/core/shape.hpp"

/// What a network reads: pixels, numbers, or the tokens of a text.
enum class sample_kind { images, features, text };

/// What a network has to know of a data set.
struct data_facts {
  spankey::extents
      sample;  // of text, whose windows are as long as anybody wants: no extents without --context
  spankey::index_t classes = 0;
  /// Both are there. Of a user's own files they are not, until somebody has read them (find_facts of run_data.hpp).
  [[nodiscard]] bool known() const { return classes > 0; }
};

/// Their names, as --data takes them.
std::vector<std::string> data_names();
/// What the published recipes know sets apart by: "mnist", "cifar10", "fashion-mnist", "linear", "glyphs", "text", or "own"
/// for a user's own images and features.
std::string kind_of_data(const std::string& data);
/// Its samples and classes, scaled and given as the run says. Fails with flag.115 for a name that no data set has.
data_facts facts_of(const run_options& options);
bool is_text(const std::string& data);
/// Its images have mean and deviation, published or measured.
bool brings_pixel_constants(const std::string& data);

/// Flags of the data set that do not go together: fails with flag.146 to flag.149.
void require_data_consistent(const run_options& options);
