// Judges histories of real threads with the model checker's own search and specifications.

/** `npm run build:model` makes these of test/model/checker/. */
export async function checker() {
  try {
    const [linear, specs] = await Promise.all([
      import('../../build/model-js/checker/linear.js'),
      import('../../build/model-js/checker/specs.js'),
    ])
    return { ...linear, ...specs }
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error('the checker is not built: npm run build:model')
  }
}

const overlap = (a, b) => a.thread !== b.thread && a.invoked < b.responded && b.invoked < a.responded

/** How many pairs of operations ran at the same time. */
export function overlaps(history) {
  let pairs = 0
  for (const [i, a] of history.entries()) for (let j = 0; j < i; j++) if (overlap(a, history[j])) pairs++
  return pairs
}

/** The specification of a channel, with `tryReceive`'s undefined that may mean empty or closed. */
export function channelSpec(queue) {
  return {
    ...queue,
    apply(state, op, arg) {
      if (op !== 'poll') return queue.apply(state, op, arg)
      return queue
        .apply(state, 'tryReceive', arg)
        .map(([result, after]) => [result === 'empty' || result === 'closed' ? 'nothing' : result, after])
    },
  }
}

/** "Full" may be said of a stack that holds fewer values while another operation has a node in hand; alone it is exact. */
function relax(history) {
  return history.map((o) =>
    o.op === 'push' && o.result === 'full' && history.some((p) => overlap(o, p)) ? { ...o, op: 'pushRelaxed' } : o,
  )
}

/** A function that throws, with the history as a table, unless some order of the operations explains all results. */
export async function judge() {
  const { linearizable, queueSpec, stackSpec } = await checker()
  return (kind, capacity, initial, history) => {
    const spec = kind === 'stack' ? stackSpec(capacity, initial) : channelSpec(queueSpec(capacity, initial))
    const verdict = linearizable(spec, kind === 'stack' ? relax(history) : history)
    if (!verdict.ok)
      throw new Error(
        `no order of these operations agrees with a ${spec.name}, at first [${initial}]\n${table(history)}`,
      )
  }
}

/** One line per operation, by invocation, with the time it took on the shared clock. */
export function table(history) {
  const from = Math.min(...history.map((o) => o.invoked))
  const rows = [...history]
    .sort((a, b) => a.invoked - b.invoked)
    .map((o) => [
      `t${o.thread}`,
      `${o.op}(${o.arg ?? ''})`,
      String(o.result),
      `${' '.repeat(o.invoked - from)}├${'─'.repeat(o.responded - o.invoked - 1)}┤`,
    ])
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`).join('\n')
}
