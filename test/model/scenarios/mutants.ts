// Mutants of the real core: small mistakes, each of which some scenario must catch. A mutant that survives is a missing scenario.

import type { Mutation } from '../checker/build.js'

export interface Mutant {
  readonly name: string
  readonly about: string
  readonly mutations: readonly Mutation[]
  /** Scenarios that are tried in this order; one of them must fail. */
  readonly scenarios: readonly string[]
}

function mutant(
  name: string,
  about: string,
  file: string,
  find: string,
  replace: string,
  ...scenarios: string[]
): Mutant {
  return { name, about, mutations: [{ file, find, replace }], scenarios }
}

export const mutants: readonly Mutant[] = [
  // Rings.
  mutant(
    'help limited to lag one',
    'a tail further behind is not helped on',
    'ring.ts',
    'if (ahead == 0) return CLOSED;\n  cas32(ch + CHANNEL_TAIL, tail, after(tail, get32(ch + CHANNEL_CAPACITY), lap));',
    'if (ahead == 0) return CLOSED;\n  if (ahead == 1) cas32(ch + CHANNEL_TAIL, tail, after(tail, get32(ch + CHANNEL_CAPACITY), lap));',
    'narrow ring/mixed',
    'narrow ring/sender killed',
    'narrow ring/send against receive',
  ),
  mutant(
    'head not helped on',
    'a lagging head is left where it is',
    'ring.ts',
    'WOULD_BLOCK) << 32;\n  cas32(ch + CHANNEL_HEAD, head, after(head, get32(ch + CHANNEL_CAPACITY), lap));',
    'WOULD_BLOCK) << 32;',
    'narrow ring/two receivers',
  ),
  mutant(
    'slot swapped without a look',
    'the slot is exchanged, not compared',
    'ring.ts',
    'if (cas64(slot, seen, <u64>(tail + 1) << 32 | <u64>v) != seen) return RETRY;',
    'cas64(slot, load64(slot), <u64>(tail + 1) << 32 | <u64>v);',
    'narrow ring/two senders',
  ),
  mutant(
    'slot freed for the same round',
    'the sequence of a freed slot lacks the lap',
    'ring.ts',
    '<u64>(head + lap) << 32 | <u64>seal) != seen',
    '<u64>(head + 1) << 32 | <u64>seal) != seen',
    'narrow ring/send against receive',
  ),
  mutant(
    'close without a seal',
    'a closed ring is told drained before it is sealed',
    'ring.ts',
    'const seen = cas64(slot, free, free | SLOT_SEALED);',
    'const seen = load64(slot);',
    'narrow channel/close against send',
    'narrow channel/close against send, full',
  ),
  mutant(
    'publish before the value',
    'the cell is published, then written',
    'ring-wide.ts',
    'set64(cell + CELL_VALUE, v); // plain: ours from the claim until the publish\n  store32(cell, tail + 1);',
    'store32(cell, tail + 1);\n  set64(cell + CELL_VALUE, v);',
    'wide ring/send against receive',
  ),
  mutant(
    'free before the value is read',
    'the cell is given back, then read',
    'ring-wide.ts',
    'const v = get64(cell + CELL_VALUE); // plain: ours from the claim until the release\n  store32(cell, get32(cell) - 1 + get32(ch + CHANNEL_LAP));',
    'store32(cell, get32(cell) - 1 + get32(ch + CHANNEL_LAP));\n  const v = get64(cell + CELL_VALUE);',
    'wide ring/send against receive',
  ),
  mutant(
    'busy taken for empty',
    'a cell that is being written counts as empty',
    'ring-wide.ts',
    'if (<u32>tail == head) return tail >> 32 ? CLOSED : WOULD_BLOCK;\n  return BUSY;',
    'return tail >> 32 ? CLOSED : WOULD_BLOCK;',
    'wide ring/two senders and a receiver',
    'wide ring/send against receive',
    'wide channel/receiver parks',
  ),
  mutant(
    'busy without a pause',
    'waits hot for a thread that is inside',
    'ring-wide.ts',
    'if (<i32>(sequence - head) > 0) return RETRY;',
    'if (sequence != head) return RETRY;',
    'wide ring/two receivers',
  ),
  {
    name: 'batch published first',
    about: 'the first cell comes before the others',
    mutations: [
      {
        file: 'ring-wide.ts',
        find: '  set64(cell + CELL_VALUE, get64(stage + CELL_VALUE));\n  store32(cell, tail + 1); // publishes the batch',
        replace: '',
      },
      {
        file: 'ring-wide.ts',
        find: '  copyRacing(cell + CELL_BYTES, stage + CELL_BYTES, (first - 1) << 4); // plain: ours from the claim until the publish',
        replace:
          '  set64(cell + CELL_VALUE, get64(stage + CELL_VALUE));\n  store32(cell, tail + 1);\n  copyRacing(cell + CELL_BYTES, stage + CELL_BYTES, (first - 1) << 4);',
      },
    ],
    scenarios: ['wide batch/send against single receives'],
  },
  // Stack.
  mutant(
    'stack without a tag',
    'a pop does not change the tag of the top',
    'stack.ts',
    'cas64(s + STACK_TOP, top, ((top >> 32) + 1) << 32 | <u64>next)',
    'cas64(s + STACK_TOP, top, (top >> 32) << 32 | <u64>next)',
    'stack/pop against pop, pop, push (ABA)',
    'stack/three threads',
  ),
  mutant(
    'free nodes without a tag',
    'nor that of the unused nodes',
    'stack.ts',
    'cas64(s + STACK_FREE, free, ((free >> 32) + 1) << 32 | <u64>next)',
    'cas64(s + STACK_FREE, free, (free >> 32) << 32 | <u64>next)',
    'stack/free nodes (ABA)',
  ),
  mutant(
    'node in hands not noted',
    'a killed pusher keeps its node',
    'stack.ts',
    '  duty(DUTY_STACK_FREE, s, node);\n  leave();\n  while (true) {',
    '  leave();\n  while (true) {',
    'stack/pusher killed in a fight',
    'stack/pusher killed',
  ),
  // Arena.
  mutant(
    'depot without a tag',
    'a chain that went and came is not noticed',
    'arena.ts',
    '((head >> 32) + 1) << 32 | <u64>next',
    '(head >> 32) << 32 | <u64>next',
    'allocator/pop against pop, pop, push (ABA)',
  ),
  mutant(
    'allocated block not noted',
    'a thread killed before it has linked a block loses it',
    'arena.ts',
    '      set32(self + THREAD_PENDING, <u32>block);\n      leave();\n      zero',
    '      leave();\n      zero',
    'allocator/kill while creating',
    'allocator/kill with chains',
    'narrow channel/receiver killed',
  ),
  mutant(
    'double free',
    'two disposals of one object both succeed',
    'object.ts',
    'if (cas32(o + HEAD_STATE, open, open + GENERATION) != open) {',
    'if (cas32(o + HEAD_STATE, 0xffffffff, 0) != open) {',
    'allocator/dispose twice',
  ),
  mutant(
    'spare chain not inherited',
    'the reaper forgets one of the chains of the dead',
    'arena.ts',
    '    adopt(theirs, MAGAZINE_SPARE, cls);\n',
    '',
    'allocator/kill with two chains',
  ),
  mutant(
    'block not cleared',
    'a recycled block keeps what was in it',
    'arena.ts',
    '      zero(block + HEAD_BYTES, (LINE << cls) - HEAD_BYTES);\n',
    '',
    'allocator/two threads from the depot',
    'narrow channel/sender and receiver, twice',
  ),
  // Waiting.
  mutant(
    'second look dropped',
    'a parked thread sleeps without looking at its waiter again',
    'waiter.ts',
    'if (load32(w + WAITER_STATE) == WAITING) {\n    wait32',
    '{\n    wait32',
    'narrow channel/receiver parks',
  ),
  mutant(
    'notify before the bell',
    'the sleeper is woken, then the bell changes',
    'waiter.ts',
    '    add32(bell, 1);\n    if (load32(bell + (THREAD_ASLEEP - THREAD_BELL)) != 0) notify(bell, 1);',
    '    if (load32(bell + (THREAD_ASLEEP - THREAD_BELL)) != 0) notify(bell, 1);\n    add32(bell, 1);',
    'narrow channel/receiver parks',
  ),
  mutant(
    'asleep told too late',
    'the bell is read after its thread has said that it sleeps: no',
    'waiter.ts',
    '  store32(self + THREAD_ASLEEP, 1);\n',
    '',
    'narrow channel/receiver parks',
  ),
  mutant(
    'wake skipped',
    'a blocking waiter is completed and not told',
    'waiter.ts',
    '    return thread + THREAD_BELL;',
    '    return 0;',
    'narrow channel/receiver parks',
  ),
  mutant(
    'event loop not rung',
    'an async waiter is completed and not told',
    'waiter.ts',
    'return thread == self ? 0 : thread + THREAD_LOOP_BELL;',
    'return 0;',
    'narrow channel/receiver on an event loop',
  ),
  mutant(
    'cancel without a look',
    'a timeout wins over a value that has come',
    'waiter.ts',
    'if (get32(w + WAITER_LINKED)) {\n        unlink(w);',
    '{\n        if (get32(w + WAITER_LINKED)) unlink(w);',
    'narrow channel/receiver with a time limit',
  ),
  mutant(
    'park without a look at the ring',
    'half of a Dekker pair',
    'channel.ts',
    '  // The second half of the Dekker pair in append: now look at the ring.\n  channel_settle(ch);',
    '  dutyDone();',
    'narrow channel/receiver parks',
  ),
  mutant(
    'send without a look at the waiters',
    'the other half',
    'channel.ts',
    'if (load32(ch + HEAD_STATE) == open) return false;\n  duty(DUTY_SETTLE, ch, 0);\n  return true;',
    'return false;',
    'narrow channel/receiver parks',
  ),
  mutant(
    'close without waking',
    'who waits is not told',
    'channel.ts',
    'if (result == OK) channel_settle(ch);',
    '',
    'narrow channel/close wakes receivers',
  ),
  mutant(
    'lock not taken',
    'the matching goes on without it',
    'channel.ts',
    '    if (cas32(ch + CHANNEL_LOCK, 0, <u32>self) != 0) {\n      leave();\n      relax(tries++);\n      continue;\n    }',
    '',
    'narrow channel/receiver parks',
    'narrow channel/two receivers',
  ),
  // Death.
  mutant(
    'duty of the dead ignored',
    'what a killed sender should have settled stays',
    'thread.ts',
    'if (kind == DUTY_SETTLE) channel_settle(object);',
    'if (kind == DUTY_SETTLE) dutyDone();',
    'narrow channel/sender killed',
  ),
  mutant(
    'waiters of the dead left',
    'a value is handed to a dead receiver',
    'thread.ts',
    'if (waiter == 0) break;',
    'break;',
    'narrow channel/receiver killed',
  ),
  mutant(
    'killed between claim and publish',
    'the section of the lock is not one',
    'channel.ts',
    '    const result = matchOne(ch);',
    '    leave();\n    const result = matchOne(ch);',
    'narrow channel/sender killed',
    'narrow channel/receiver killed',
  ),
  mutant(
    'slot taken without compare-and-swap',
    'two threads attach to one slot',
    'thread.ts',
    'if (cas64(slot + THREAD_STATE, THREAD_FREE, mine) == THREAD_FREE) {',
    'if (load64(slot + THREAD_STATE) == THREAD_FREE) {\n      store64(slot + THREAD_STATE, mine);',
    'threads/attach',
  ),
  mutant(
    'slot reaped by its state',
    'whoever has the slot by now, if only alive',
    'thread.ts',
    'if (cas64(slot + THREAD_STATE, state, reapedBy(self)) == state) {',
    'const now = load64(slot + THREAD_STATE);\n      if (<u8>now == THREAD_ALIVE && cas64(slot + THREAD_STATE, now, reapedBy(self)) == now) {',
    'threads/late reaper',
  ),
  mutant(
    'slot in reaping names no reaper',
    'nobody goes on where a killed reaper stopped',
    'thread.ts',
    'state, reapedBy(self)) == state) {',
    'state, THREAD_REAPING) == state) {',
    'threads/reaper killed',
  ),
  mutant(
    'slot in reaping taken from a live reaper',
    'whoever is reaping it',
    'thread.ts',
    'if (load64(other + THREAD_STATE) == reapedBy(slot)) {',
    'if (<u8>load64(other + THREAD_STATE) == THREAD_REAPING && other != slot) {',
    'threads/two reapers, one slot reaped before',
  ),
  {
    name: 'children after their parent',
    about: 'a killed reaper has freed the slot through which others would find the rest',
    mutations: [
      {
        file: 'thread.ts',
        find: 'if (<u8>state == THREAD_ALIVE && parentOf(state) == number && slot != self) reaped += thread_reap(numberOf(state));',
        replace:
          'if (<u8>state == THREAD_ALIVE && number == numberOf(state) && slot != self) {\n      if (cas64(slot + THREAD_STATE, state, reapedBy(self)) == state) { reap(slot); ++reaped; }\n    }',
      },
      {
        file: 'thread.ts',
        find: 'if (<u8>state == THREAD_ALIVE && numberOf(state) == number && slot != self) {\n      if (cas64(slot + THREAD_STATE, state, reapedBy(self)) == state) {\n        reap(slot);\n        reaped++;\n      }\n    }',
        replace:
          'if (<u8>state == THREAD_ALIVE && parentOf(state) == number && slot != self) reaped += thread_reap(numberOf(state));',
      },
    ],
    scenarios: ['threads/family, reaper killed'],
  },
  mutant(
    'reaper of a reaper idle',
    'what a killed reaper had begun is not finished',
    'thread.ts',
    '      reap(other);',
    '',
    'threads/reaper killed',
  ),
  {
    name: 'counter adds in two steps',
    about: 'a load and a store',
    mutations: [
      { file: 'counter.ts', find: 'import { add64, peek32 }', replace: 'import { load64, peek32, store64 }' },
      {
        file: 'counter.ts',
        find: 'add64(c + COUNTER_SHARED, <u64><i64>n)',
        replace: 'store64(c + COUNTER_SHARED, load64(c + COUNTER_SHARED) + <u64><i64>n)',
      },
    ],
    scenarios: ['counter/adds and sums'],
  },
]
