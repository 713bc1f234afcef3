// The formats of pictures that this program was built with.
#pragma once

#include <span>
#include <string>

#include "spankey/data/picture.hpp"

/// PNG where libpng was there, JPEG where libjpeg was.
std::span<const spankey::picture_format> picture_formats();

/// "libpng, libjpeg": the packages that were not there, each with what apt calls it; empty where all were.
std::string missing_picture_packages();
