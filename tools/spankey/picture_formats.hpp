// The formats of pictures that the program knows.
#pragma once

#include <span>

#include "spankey/data/picture.hpp"

/// PNG and JPEG; one that this program was built without fails with predict.104 when a file of it is opened.
std::span<const spankey::picture_format> picture_formats();
