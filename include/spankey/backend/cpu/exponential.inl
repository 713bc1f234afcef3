// Exponentials of one vector; see exponential.hpp. Bounds are comparisons that a NaN fails, so a NaN stays a NaN.

// exp(v + rest) for v <= 0 and a rest that is small beside 1; 0 below exp(-87), where floats end. v + rest = n ln 2 + r with
// n whole and |r| <= ln(2) / 2: ln 2 in two parts, exp r by a polynomial of degree 7 (Moshier, Cephes, expf), 2^n through
// the exponent bits.
inline __attribute__((always_inline)) lanes exp_lanes(lanes v, lanes rest) {
  typedef int bits __attribute__((vector_size(4 * SPANKEY_LANES)));
  const lanes zero = {}, low = zero - 87.3F, bounded = v < low ? low : v;
  const lanes shifted =
      (bounded + rest) * 1.44269504F + 12582912.0F;  // 1.5 * 2^23: the sum's last bit is worth 1
  const lanes n = shifted - 12582912.0F;
  const lanes r = (bounded - n * 0.693359375F) + n * 2.12194440e-4F + rest;
  lanes p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  const bits exponent = (reinterpret_cast<bits>(shifted) << 23) + (127 << 23);
  return v < low ? zero : p * reinterpret_cast<lanes>(exponent);
}

// P(-a) = (1 - erf(a / sqrt 2)) / 2 for a >= 0, the tail of the standard normal distribution, and exp(-a^2 / 2). Their
// ratio is t times a polynomial in t = 1 / (1 + 0.3 a), fitted to it for a up to 13.5 with a relative error of 4e-9; a^2 is
// taken as an exact square and what is left, so that the exponential is exact in the tail, too.
inline __attribute__((always_inline)) lanes normal_tail(lanes a, lanes* exponential) {
  const lanes high = reinterpret_cast<lanes>(reinterpret_cast<words>(a) & 0xFFFFF000U);
  *exponential = exp_lanes(high * high * -0.5F, (a - high) * (a + high) * -0.5F);
  const lanes t = 1.0F / (a * 0.3F + 1.0F);
  lanes p = t * -0.0205946229F + 0.112273283F;
  p = p * t - 0.227816984F;
  p = p * t + 0.191233367F;
  p = p * t - 0.0789443702F;
  p = p * t + 0.0958872363F;
  p = p * t + 0.0784876272F;
  p = p * t + 0.110213302F;
  p = p * t + 0.119574629F;
  p = p * t + 0.119686536F;
  return *exponential * t * p;
}

// s(w) = 1 / (1 + exp(-w)) and its derivative s(w) s(-w).
inline __attribute__((always_inline)) lanes sigmoid_lanes(lanes w, lanes* slope) {
  const lanes zero = {}, e = exp_lanes(w < zero ? w : -w, zero), larger = 1.0F / (e + 1.0F);
  *slope = e * larger * larger;
  return w < zero ? e * larger : larger;
}

// The argument of gelu_tanh: w = v (sqrt(8 / pi) + sqrt(8 / pi) 0.044715 v^2). From 30 on its
// sigmoid is 1, or 0, and v^3 might be infinite.
inline __attribute__((always_inline)) lanes gelu_argument(lanes v, lanes* bounded) {
  const lanes zero = {}, most = zero + 30.0F, least = zero - 30.0F;
  *bounded = v > most ? most : (v < least ? least : v);
  return *bounded * (*bounded * *bounded * 0.0713548163F + 1.59576912F);
}
