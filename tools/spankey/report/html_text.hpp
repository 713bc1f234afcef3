// Text of an HTML page or an SVG picture, and the one form that each kind of number has there.
//
//   share        .9924   four digits, no leading zero; 1.0000
//   difference   +.0012  the same with a sign; U+2212 for minus
//   figure       0.0312  four digits of a loss, a rate, a norm
//
// Whatever comes from a file passes through escaped() or url_segment() before it is part of a page.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// `text` for an element or a quoted attribute: & < > " ' as references, bytes that are no UTF-8 and control
/// characters as U+FFFD.
std::string escaped(std::string_view text);

/// `text` as one segment of a relative URL: everything but letters, digits and - _ ~ . percent-encoded.
std::string url_segment(std::string_view text);

/// Characters of `text`; those from U+2E80 on (Chinese, Japanese, Korean, pictures) are as wide as two.
std::size_t columns_of(std::string_view text);

/// As much of `text` as `most` columns hold, an ellipsis at its end where something is left out.
std::string shortened(std::string_view text, std::size_t most);

std::string share_text(double share);
std::string difference_text(double difference);
std::string figure_text(double value);

/// A coordinate of a picture: a tenth of a unit is finer than any screen shows.
std::string coordinate(double value);
