// What an evaluation of a gate found: without a key, with valid keys, with invalid keys of each family.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/key/invalid.hpp"
#include "spankey/train/metrics.hpp"

namespace spankey {

/// A summary that is there only where keys were evaluated; reading one that is not fails with train.125.
class keyed_summary {
 public:
  keyed_summary() = default;
  keyed_summary(condition_summary found) : found_(std::move(found)) {}

  [[nodiscard]] bool has_value() const { return found_.has_value(); }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const condition_summary& value() const {
    if (!found_)
      fail("train.125", "gate_report",
           "found no answers to valid keys: this network was evaluated without a key "
           "space; ask has_value() first");
    return *found_;
  }
  [[nodiscard]] const condition_summary& operator*() const { return value(); }
  [[nodiscard]] const condition_summary* operator->() const { return &value(); }

 private:
  std::optional<condition_summary> found_;
};

/// What the gate does with the invalid keys of one family.
struct invalid_summary {
  invalid_rule rule;
  condition_summary summary;
};

/// One summary a family, in the order of the options; reading one that is not there fails with train.125.
class invalid_summaries {
 public:
  void push_back(invalid_summary found) { all_.push_back(std::move(found)); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] auto begin() const { return all_.begin(); }
  [[nodiscard]] auto end() const { return all_.end(); }
  [[nodiscard]] const invalid_summary& at(std::size_t i) const {
    if (i >= all_.size())
      fail("train.125", "gate_report", "found invalid keys of ", all_.size(), " families, asked for number ",
           i);
    return all_[i];
  }
  [[nodiscard]] const invalid_summary& operator[](std::size_t i) const { return at(i); }
  [[nodiscard]] const invalid_summary& front() const { return at(0); }

 private:
  std::vector<invalid_summary> all_;
};

struct gate_report {
  condition_summary no_key;
  keyed_summary valid_key;  // absent where the network was evaluated without keys, as invalid keys are
  invalid_summaries invalid_keys;
};

}  // namespace spankey
