// What the workers of the runtime do.

/** How many times z = z² + c can be done before z is out of reach; `limit` if it may be for ever. */
function iterations(re, im, limit) {
  let [x, y, n] = [0, 0, 0]
  for (; n < limit && x * x + y * y <= 4; n++) {
    const next = x * x - y * y + re
    y = 2 * x * y + im
    x = next
  }
  return n
}

/** The pixels of a row, three bytes each. What belongs to the set is black. */
export function renderRow({ y, width, height, limit }) {
  const pixels = new Uint8Array(3 * width)
  const step = 2.4 / height
  const im = (y + 0.5 - height / 2) * step
  for (let x = 0; x < width; x++) {
    const n = iterations((x + 0.5 - width / 2) * step - 0.7, im, limit)
    const heat = n === limit ? 0 : Math.sqrt(n / limit)
    pixels.set([255 * Math.min(1, 3 * heat), 255 * heat, 255 * heat * heat], 3 * x)
  }
  return pixels
}
