// The page of one run: what ran, what the gate lets through, acceptance over the angle, training curves, and every
// number of metrics.json and of the log's epochs in tables.
#pragma once

#include <string>

#include "results.hpp"

std::string run_page(const run_results& run);
