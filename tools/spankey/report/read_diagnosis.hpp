// What `diagnose` wrote, as the report shows it.
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

/// The margins of a diagnose.json. Fails with report.103 to report.106.
std::vector<turned_answers> read_diagnosis(const std::string& file);
