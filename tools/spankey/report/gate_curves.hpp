// How the gate closed: what the network answered to the test images after the epochs that --eval-every names, a picture
// per figure, a line per condition.
#pragma once

#include <string>

#include "results.hpp"

/// A heading, its pictures and their legend; empty where the log holds no such line.
std::string gate_curves(const training_log& log);
