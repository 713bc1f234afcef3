// Rows of a sweep that differ in one flag only: what a curve over that flag shows.
//
// Rows with the same other options and at least two values of the flag form one ablation. The flag has to be a
// number in all of them, or `sites`, whose values are sets without an order.
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

struct ablation {
  struct entry {
    std::string value;
    double number;  // of a flag that is a number
    const sweep_row* row;
  };
  std::string flag;
  bool is_number;
  std::vector<entry> entries;  // by value; sets of sites by size first
};

/// The ablations among `rows`, to which the entries point.
std::vector<ablation> find_ablations(const std::vector<sweep_row>& rows);
