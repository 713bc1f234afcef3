// Curves over the one flag in which rows of a sweep differ: a picture per figure, a series per condition.
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

/// A heading, its pictures and their legend for every ablation; empty where the rows hold none.
std::string ablation_sections(const std::vector<sweep_row>& rows);
