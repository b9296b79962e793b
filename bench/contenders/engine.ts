// Contenders written in JavaScript that not every version of Node can run. They take part where the bench itself runs under one that can:
// a contender under another engine would be a comparison of engines.

const MULTITHREADING_NODE = 24

const LACKS: Record<string, () => string | undefined> = {
  multithreading: () => {
    const major = Number(process.versions.node.split('.')[0])
    return major < MULTITHREADING_NODE ? `it needs Node ${MULTITHREADING_NODE}, this is ${process.version}` : undefined
  },
  WebLocks: () => {
    const { navigator } = globalThis as { navigator?: { locks?: unknown } }
    return navigator?.locks === undefined ? `no navigator.locks in Node ${process.version} (24.5 has them)` : undefined
  },
}

/** Which of these programs this engine can't run, and why. */
export function engineLacks(programs: readonly string[]): Map<string, string> {
  const lacking = new Map<string, string>()
  for (const program of programs) {
    const reason = LACKS[program]?.()
    if (reason !== undefined) lacking.set(program, reason)
  }
  return lacking
}
