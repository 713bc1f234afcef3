// Drawings made as MNIST's digits are: the strokes scaled into a box of 20 x 20 with their shape kept, and placed in
// 28 x 28 pixels so that their centre of mass is the middle.
// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

export const SIDE = 28;
const BOX = 20;

/// Mean of grey(x, y) over a rectangle of the drawing, whose pixels at the border count as far as they are inside.
function meanOver(grey, left, top, width, height) {
  let sum = 0;
  for (let y = Math.floor(top); y < top + height; ++y) {
    const tall = Math.min(y + 1, top + height) - Math.max(y, top);
    for (let x = Math.floor(left); x < left + width; ++x) {
      sum += tall * (Math.min(x + 1, left + width) - Math.max(x, left)) * grey(x, y);
    }
  }
  return sum / (width * height);
}

/// 28 x 28 bytes of an ImageData of white strokes on black; null where nothing is drawn.
export function digitOf(drawing) {
  const grey = (x, y) => x >= 0 && y >= 0 && x < drawing.width && y < drawing.height ? drawing.data[4 * (y * drawing.width + x)] : 0;
  let left = drawing.width, right = -1, top = drawing.height, bottom = -1;
  for (let y = 0; y < drawing.height; ++y) {
    for (let x = 0; x < drawing.width; ++x) {
      if (grey(x, y) < 64) continue;
      left = Math.min(left, x), right = Math.max(right, x);
      top = Math.min(top, y), bottom = Math.max(bottom, y);
    }
  }
  if (right < 0) return null;

  // Pixels of the drawing that become one of the digit.
  const step = Math.max(right - left + 1, bottom - top + 1) / BOX;
  const middleX = (left + right + 1) / 2, middleY = (top + bottom + 1) / 2;
  const at = (column, row, shiftX, shiftY) => meanOver(
    grey, middleX + (column - SIDE / 2 + shiftX) * step, middleY + (row - SIDE / 2 + shiftY) * step, step, step);

  let mass = 0, massX = 0, massY = 0;
  for (let row = 0; row < SIDE; ++row) {
    for (let column = 0; column < SIDE; ++column) {
      const value = at(column, row, 0, 0);
      mass += value, massX += value * (column + 0.5), massY += value * (row + 0.5);
    }
  }
  // Whole pixels, as MNIST's.
  const shiftX = Math.round(massX / mass - SIDE / 2), shiftY = Math.round(massY / mass - SIDE / 2);
  return Uint8Array.from({ length: SIDE * SIDE },
                         (_, i) => Math.round(at(i % SIDE, Math.floor(i / SIDE), shiftX, shiftY)));
}
