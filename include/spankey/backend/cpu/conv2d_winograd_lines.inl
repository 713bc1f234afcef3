// The one-dimensional transforms of Winograd's F(2, 3) and F(4, 3), and their adjoints; see conv2d_winograd.hpp. The length
// of the window, 4 or 6, chooses. F(2, 3) evaluates at 0, 1, -1 and infinity, F(4, 3) at 0, +-sqrt(1/2), +-sqrt(2) and
// infinity, where its rounding is the least (half of that at the usual 0, +-1, +-2).
#define SPANKEY_LINE inline __attribute__((always_inline)) void
inline constexpr float winograd_near = 0.70710678118654752F, winograd_far = 1.41421356237309505F;

// v = B^T d
SPANKEY_LINE winograd_window_line(const lanes (&d)[4], lanes (&v)[4]) {
  v[0] = d[0] - d[2];
  v[1] = d[1] + d[2];
  v[2] = d[2] - d[1];
  v[3] = d[1] - d[3];
}
SPANKEY_LINE winograd_window_line(const lanes (&d)[6], lanes (&v)[6]) {
  const lanes near_even = d[4] - 2.0F * d[2], near_odd = d[3] - 2.0F * d[1];
  const lanes far_even = d[4] - 0.5F * d[2], far_odd = d[3] - 0.5F * d[1];
  v[0] = (d[0] + d[4]) - 2.5F * d[2];
  v[1] = near_even + winograd_near * near_odd;
  v[2] = near_even - winograd_near * near_odd;
  v[3] = far_even + winograd_far * far_odd;
  v[4] = far_even - winograd_far * far_odd;
  v[5] = (d[1] + d[5]) - 2.5F * d[3];
}

// y = A^T m
SPANKEY_LINE winograd_output_line(const lanes (&m)[4], lanes (&y)[2]) {
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] - m[3];
}
SPANKEY_LINE winograd_output_line(const lanes (&m)[6], lanes (&y)[4]) {
  const lanes near_even = m[1] + m[2], near_odd = winograd_near * (m[1] - m[2]);
  const lanes far_even = m[3] + m[4], far_odd = winograd_far * (m[3] - m[4]);
  y[0] = m[0] + near_even + far_even;
  y[1] = near_odd + far_odd;
  y[2] = 0.5F * near_even + 2.0F * far_even;
  y[3] = 0.5F * near_odd + (2.0F * far_odd + m[5]);
}

// d = A y
SPANKEY_LINE winograd_gradient_line(const lanes (&y)[2], lanes (&d)[4]) {
  d[0] = y[0];
  d[1] = y[0] + y[1];
  d[2] = y[0] - y[1];
  d[3] = -y[1];
}
SPANKEY_LINE winograd_gradient_line(const lanes (&y)[4], lanes (&d)[6]) {
  const lanes near_even = y[0] + 0.5F * y[2], near_odd = y[1] + 0.5F * y[3];
  const lanes far_even = y[0] + 2.0F * y[2], far_odd = y[1] + 2.0F * y[3];
  d[0] = y[0];
  d[1] = near_even + winograd_near * near_odd;
  d[2] = near_even - winograd_near * near_odd;
  d[3] = far_even + winograd_far * far_odd;
  d[4] = far_even - winograd_far * far_odd;
  d[5] = y[3];
}

// u = G g
SPANKEY_LINE winograd_filter_line(const lanes (&g)[3], lanes (&u)[4]) {
  u[0] = g[0];
  u[1] = (g[0] + g[2] + g[1]) * 0.5F;
  u[2] = (g[0] + g[2] - g[1]) * 0.5F;
  u[3] = g[2];
}
SPANKEY_LINE winograd_filter_line(const lanes (&g)[3], lanes (&u)[6]) {
  const lanes near_even = (g[0] + 0.5F * g[2]) * (-2.0F / 3), near_odd = g[1] * (-2.0F / 3 * winograd_near);
  const lanes far_even = (g[0] + 2.0F * g[2]) * (1.0F / 6), far_odd = g[1] * (1.0F / 6 * winograd_far);
  u[0] = g[0];
  u[1] = near_even + near_odd;
  u[2] = near_even - near_odd;
  u[3] = far_even + far_odd;
  u[4] = far_even - far_odd;
  u[5] = g[2];
}

// g = G^T u
SPANKEY_LINE winograd_filter_adjoint_line(const lanes (&u)[4], lanes (&g)[3]) {
  g[0] = u[0] + (u[1] + u[2]) * 0.5F;
  g[1] = (u[1] - u[2]) * 0.5F;
  g[2] = (u[1] + u[2]) * 0.5F + u[3];
}
SPANKEY_LINE winograd_filter_adjoint_line(const lanes (&u)[6], lanes (&g)[3]) {
  const lanes near_even = (u[1] + u[2]) * (-2.0F / 3), far_even = (u[3] + u[4]) * (1.0F / 6);
  g[0] = u[0] + near_even + far_even;
  g[1] = (u[1] - u[2]) * (-2.0F / 3 * winograd_near) + (u[3] - u[4]) * (1.0F / 6 * winograd_far);
  g[2] = 0.5F * near_even + (2.0F * far_even + u[5]);
}
#undef SPANKEY_LINE
