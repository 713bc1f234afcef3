// How many answers noise on the keys turns, by prediction and in fact, as a part of a run's page.
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

/// Empty where there was no diagnosis.
std::string turned_section(const std::vector<turned_answers>& turned);
