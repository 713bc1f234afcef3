// The signs of a picture: what tells two series apart without colour, and the sign of a published value.
#pragma once

#include <cstddef>
#include <string>

/// Series have a colour each and a sign each, in the same order. After the last the colours begin again, and the signs of
/// all but the first two change places.
inline constexpr std::size_t series_colours = 6;

/// CSS class of a series: c0, c1, ...
std::string colour_class(std::size_t series);

/// The sign of a series around (x, y): circle, square, triangles, cross, plus.
std::string series_mark(std::size_t series, double x, double y);

/// The sign of a published value: an open diamond.
std::string published_mark(double x, double y);

/// The sign of the worst key: an open circle.
std::string worst_mark(double x, double y);

/// An interval from `low` to `high` along x, or along y, with its ends.
std::string interval_across(double low, double high, double y);
std::string interval_upright(double x, double low, double high, const std::string& colour = {});
