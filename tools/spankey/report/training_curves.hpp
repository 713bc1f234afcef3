// The curves of log.jsonl: a faint line through the steps, a firm one at the mean of every epoch.
//
// Losses and norms that span two powers of ten or more get a logarithmic axis. The horizontal axis counts epochs, or
// steps while the first epoch lasts.
#pragma once

#include <string>

#include "results.hpp"

/// Headings, legend and pictures; a sentence where the log is empty.
std::string training_curves(const training_log& log);

/// The epochs' numbers; nothing where no epoch has ended.
std::string epoch_table(const training_log& log);
