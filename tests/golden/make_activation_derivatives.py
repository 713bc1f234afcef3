"""Writes activation_derivatives.hpp: derivatives of SiLU and of both GELUs up to order 12, from series of 120 digits.

usage: make_activation_derivatives.py > activation_derivatives.hpp          needs mpmath
"""
import mpmath

mpmath.mp.dps = 120
POINTS = ["-11", "-9", "-5.5", "-3", "-1.25", "-0.5", "-0.001", "0", "0.25", "0.75", "2", "4.5", "12"]


def silu(x):
    return x / (1 + mpmath.exp(-x))


def gelu(x):
    return x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def gelu_tanh(x):
    return x / (1 + mpmath.exp(-2 * mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)))


def main():
    print("// Written by make_activation_derivatives.py. f, f', ..., f^(12) at a point.")
    print("#pragma once\n\n#include <array>\n\n#include \"spankey/backend/backend.hpp\"\n")
    print("namespace spankey_test {\n\nstruct derivatives_golden {\n  spankey::activation act;\n  double x;\n"
          "  std::array<double, 13> f;\n};")
    print("// clang-format off\ninline constexpr derivatives_golden derivatives_goldens[] = {")
    for name, f in (("silu", silu), ("gelu", gelu), ("gelu_tanh", gelu_tanh)):
        for point in POINTS:
            found = mpmath.taylor(f, mpmath.mpf(point), 12, chop=False)
            numbers = ", ".join(mpmath.nstr(c * mpmath.factorial(n), 17, min_fixed=0, max_fixed=0)
                                for n, c in enumerate(found))
            print(f"    {{spankey::activation::{name}, {point}, {{{{{numbers}}}}}}},")
    print("};\n// clang-format on\n\n}  // namespace spankey_test")


if __name__ == "__main__":
    main()
