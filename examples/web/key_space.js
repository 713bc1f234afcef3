// Keys of the page: arrays of numbers, one site after another, each site in (C, H, W) order.
//
//   valid      k = rescale(alpha B), alpha = offset + spread z, z uniform in [-1, 1)^m, a site's own
//   turned     cos(angle) k + sin(angle) r, r random, orthogonal to the span and as long as k, at every site
//   share      |Q k|^2 / |k|^2 over all sites, Q orthonormal rows of the span: the energy inside the span
// rescale makes the standard deviation of a site's key 1 (n - 1, mean kept). Formulas: docs/method.md, section 1.

const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const add = (a, factor, b) => a.forEach((x, i) => { a[i] = x + factor * b[i]; });
const scaled = (a, factor) => a.map(x => x * factor);

function deviation(key) {
  const mean = key.reduce((sum, x) => sum + x, 0) / key.length;
  return Math.sqrt(key.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (key.length - 1));
}

/// Gram-Schmidt, one row after another.
function orthonormal(rows) {
  const done = [];
  for (const row of rows) {
    const rest = row.slice();
    for (const q of done) add(rest, -dot(q, rest), q);
    done.push(scaled(rest, 1 / Math.sqrt(dot(rest, rest))));
  }
  return done;
}

/// Uniform numbers in [0, 1) from a seed (mulberry32): the page shows the same to everybody.
export function randomSource(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let t = Math.imul(state ^ state >>> 15, state | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

export class KeySpace {
  /// description: network.json; rows: the bases as whole numbers; uniform: a source of numbers in [0, 1).
  constructor(description, rows, uniform) {
    this.law = description;
    this.uniform = uniform;
    let at = 0;
    this.sites = description.sites.map(shape => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      const basis = [];
      for (let i = 0; i < description.subspace_dim; ++i, at += size) basis.push(Float64Array.from(rows.subarray(at, at + size)));
      return { size, basis, q: orthonormal(basis) };
    });
  }

  gaussian(size) {
    return new Float64Array(size).map(
      () => Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform()));
  }

  /// One key a site.
  valid() {
    return this.sites.map(({ size, basis }) => {
      const key = new Float64Array(size);
      for (const row of basis) add(key, this.law.offset + this.law.spread * (2 * this.uniform() - 1), row);
      return scaled(key, 1 / deviation(key));
    });
  }
  /// What somebody without the key space draws.
  random() {
    return this.sites.map(({ size }) => this.gaussian(size));
  }
  /// A random direction orthogonal to the span, as long as the key at every site.
  away(key) {
    return this.sites.map(({ size, q }, site) => {
      const direction = this.gaussian(size);
      for (const row of q) add(direction, -dot(row, direction), row);
      return scaled(direction, Math.sqrt(dot(key[site], key[site]) / dot(direction, direction)));
    });
  }
  turned(key, away, degrees) {
    const angle = degrees * Math.PI / 180;
    return key.map((k, site) => k.map((x, i) => Math.cos(angle) * x + Math.sin(angle) * away[site][i]));
  }
  share(key) {
    let inside = 0, all = 0;
    this.sites.forEach(({ q }, site) => {
      all += dot(key[site], key[site]);
      for (const row of q) inside += dot(row, key[site]) ** 2;
    });
    return inside / all;
  }
}
