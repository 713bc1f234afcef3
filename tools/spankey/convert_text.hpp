// A weight image and a key as C++ headers, to be compiled into a program: in a controller, into its flash.
//
//   image   alignas(16) inline constexpr unsigned char NAME[] = {...};
//           for session.open(std::as_bytes(std::span(NAME)), memory)
//   key     alignas(16) inline constexpr float NAME_site2[] = {...};   of every site, elements in (C, H, W)
//           inline constexpr std::array<std::span<const float>, N> NAME = {...};   for session.bind(NAME)
#pragma once

#include <span>
#include <string>

#include "convert.hpp"
#include "spankey/core/secret.hpp"

/// `about` becomes comment lines at the top.
std::string image_header_text(const std::string& about, const std::string& name, const made_image& image,
                              const std::vector<std::string>& network);

/// The same of a key; the text is wiped with its owner, and growth leaves nothing behind.
spankey::secret_vector<char> key_header_text(const std::string& about, const std::string& name,
                                             std::span<const spankey::site_key> key);
