// More mutants of deques in places, and of injectors: kills, late threads, the end. See also mutants-runtime.ts.

import { type Mutant, mutant } from './mutant.js'

const batch = (name: string, about: string, find: string, replace: string, ...scenarios: string[]): Mutant =>
  mutant(`deque: ${name}`, about, 'deque-object.ts', find, replace, ...scenarios.map((s) => `deque batches/${s}`))
const injector = (name: string, about: string, find: string, replace: string, ...scenarios: string[]): Mutant =>
  mutant(`injector: ${name}`, about, 'injector.ts', find, replace, ...scenarios.map((s) => `injector/${s}`))

const PUBLISH = '  store32(bottom, end + more); // publishes them; pairs with the load in stealNow\n'
const VALUE = '      poke64(valueAt(segment, index), v); // racing with those that are too late\n'
const MARK =
  '      store32(markAt(segment, index), 1); // publishes the value, and the next segment; pairs with the look in take\n'
const LINK = '        store32(segment + SEGMENT_NEXT, <u32>spare);\n'
const LATE = '  if (!done) return nothing(RETRY);\n'
const FREE = '  if (last) arena_free(segment);\n'

export const dequeMutants: readonly Mutant[] = [
  batch(
    'no longer told of, and not shown yet',
    'a kill between the two',
    PUBLISH,
    `  store64(to + DEQUE_STAGED, 0);\n  leave();\n  enter();\n${PUBLISH}`,
    'LIFO to FIFO, thief killed',
  ),
  batch(
    'published while its thief lives',
    'others see values that are being turned round',
    'if (owner == NOBODY || !isDead(owner)) return false;',
    'if (owner == NOBODY) return false;',
    'LIFO to FIFO, another thief',
  ),
  batch(
    'published by an owner',
    'who disposes of it meanwhile hears that it belongs to somebody alive',
    'if (cas32(o + DEQUE_OWNER, owner, NOBODY) == owner) {',
    'if (cas32(o + DEQUE_OWNER, owner, me()) == owner) {',
    'LIFO to FIFO, deque of the dead disposed of',
  ),
  batch(
    'not turned round',
    'the oldest value of a newest-first deque comes first',
    'i < more >> 1; i++',
    'i < 0; i++',
    'LIFO to FIFO, one and the rest',
  ),
  batch(
    'gone, its top left',
    'who is late still steals',
    '  store64(o + DEQUE_PLACE + DEQUE_TOP, 0); // from here on thieves are too late\n',
    '',
    'LIFO to FIFO, made again',
    'FIFO to FIFO, made again',
  ),
  mutant(
    'deque: a batch of any life',
    'who is late takes from the deque that is there by now',
    'deque.ts',
    'if (<u32>(top >> 32) != life) return nothing(STALE);',
    '',
    'deque batches/FIFO to FIFO, made again',
  ),
  mutant(
    'deque: stolen from any life',
    'who is late takes from the deque that is there by now',
    'deque.ts',
    'if (<u32>(top >> 32) != life) status = STALE;\n  else if (',
    'if (',
    'deque batches/LIFO to FIFO, made again',
  ),
  injector(
    'marked before it is there',
    'a thief reads an empty slot',
    `${VALUE}${MARK}`,
    `${MARK}${VALUE}`,
    'push against steal',
  ),
  injector(
    'mark read without order',
    'the value may be an old one',
    'look32(markAt(segment, index + n)) != 0',
    'peek32(markAt(segment, index + n)) != 0',
    'push against steal',
    'two pushers and a thief',
  ),
  injector(
    'next segment linked late',
    'who takes the last value goes on to nowhere',
    `${LINK}        settled();\n        spare = 0;\n      }\n${VALUE}${MARK}`,
    `        settled();\n      }\n${VALUE}${MARK}      if (last) {\n  ${LINK.trim()}\n        spare = 0;\n      }\n`,
    'push against steal',
  ),
  injector('segment freed by who is late', 'it is free twice', `${LATE}${FREE}`, `${FREE}${LATE}`, 'two thieves'),
  injector(
    'segment freed by nobody',
    'its thief has died',
    'if (last) set32(self + THREAD_PENDING, <u32>segment); // all of it has been written and taken',
    '',
    'thief killed',
  ),
  injector(
    'segment freed too soon',
    'a push in its section still writes to it',
    '(!over && look32(markAt(segment, index)) == 0)',
    'false',
    'disposed',
  ),
  injector(
    'of any generation',
    'who is late finds the injector that is there by now',
    'return segmentOf(end) != 0 && <u32>(end >> GENERATION_SHIFT) == (open >> 8 & 0xffff);',
    'return segmentOf(end) != 0;',
    'made again',
  ),
  injector(
    'length of two moments',
    'head and tail',
    'if (load64(o + INJECTOR_TAIL) == tail) return',
    'return',
    'length',
  ),
]
