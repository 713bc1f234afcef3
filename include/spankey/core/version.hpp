// Version of the library, as text; the same number as project(VERSION) in CMakeLists.txt.
#pragma once

#include "spankey/core/dialect.hpp"

#define SPANKEY_VERSION_STRING "0.1.0"
