// Whether memory stays where it is: the criterion of a soak.
//
// The time after the warm-up is cut into equal pieces, and of each the lowest sample is taken: what lies above it is garbage that the engines have
// not collected yet. Through those points goes the line of least squares. What it rises from the first to the last piece must not exceed
// the noise: three standard errors of that rise, as the points lie about the line, or 3 % of their mean, or 4 MiB, whichever is most.

const PIECES = 24
const SHARE = 0.03
const LEAST = 4 * 2 ** 20
const ERRORS = 3

/** The lowest sample of each piece, as `{ t, bytes }` with the time of the piece's middle. */
export function floors(samples, pieces = PIECES) {
  const [from, to] = [samples[0].t, samples[samples.length - 1].t]
  const length = (to - from) / pieces
  return Array.from({ length: pieces }, (_, i) => {
    const mine = samples.filter(({ t }) => Math.min(pieces - 1, Math.floor((t - from) / length)) === i)
    return { t: from + (i + 0.5) * length, bytes: Math.min(...mine.map(({ bytes }) => bytes)) }
  }).filter(({ bytes }) => Number.isFinite(bytes))
}

/** Judges samples `{ t, bytes }`, of which there are at least three: `slope` is bytes per unit of time, `rise` and `allowed` are bytes. */
export function judgeFlatness(samples) {
  const points = floors(samples)
  const mean = (of) => points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [meanT, meanBytes] = [mean(({ t }) => t), mean(({ bytes }) => bytes)]
  const spread = mean(({ t }) => (t - meanT) ** 2)
  const slope = mean(({ t, bytes }) => (t - meanT) * (bytes - meanBytes)) / spread
  const scatter = mean(({ t, bytes }) => (bytes - meanBytes - slope * (t - meanT)) ** 2)
  const span = points[points.length - 1].t - points[0].t
  const rise = slope * span
  const error = span * Math.sqrt(scatter / (points.length - 2) / spread)
  const allowed = Math.max(ERRORS * error, SHARE * meanBytes, LEAST)
  return { slope, rise, allowed, mean: meanBytes, flat: rise <= allowed }
}
