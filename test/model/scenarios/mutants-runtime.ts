// Mutants of the deque, of tasks and of the scheduler.

import { type Mutant, mutant } from './mutant.js'

const deque = (name: string, about: string, find: string, replace: string, ...scenarios: string[]): Mutant =>
  mutant(`deque: ${name}`, about, 'deque.ts', find, replace, ...scenarios.map((s) => `deque/${s}`))
const task = (name: string, about: string, find: string, replace: string, ...scenarios: string[]): Mutant =>
  mutant(`task: ${name}`, about, 'task.ts', find, replace, ...scenarios.map((s) => `runtime/${s}`))
const scheduler = (name: string, about: string, find: string, replace: string, ...scenarios: string[]): Mutant =>
  mutant(`scheduler: ${name}`, about, 'scheduler.ts', find, replace, ...scenarios.map((s) => `runtime/${s}`))

const LOWER = '  store32(d + DEQUE_BOTTOM, bottom);\n'
const LOOK = '  const top = load64(d + DEQUE_TOP);\n'
const PUT = '  poke64(slotOf(get32(d + DEQUE_RING), bottom), value); // racing with thieves that are too late\n'
const SHOW = '  store32(d + DEQUE_BOTTOM, bottom + 1); // publishes the value; pairs with the load in stealNow\n'
const BATCH = 'const done = cas64(from + DEQUE_TOP, top, later(top, some)) == top;'
const AFTER = '  const bottom = load32(d + DEQUE_BOTTOM); // after the top: see popNow\n'

const injector = (name: string, about: string, find: string, replace: string, ...scenarios: string[]): Mutant =>
  mutant(`injector: ${name}`, about, 'injector.ts', find, replace, ...scenarios.map((s) => `deque object/${s}`))
const object = (name: string, about: string, find: string, replace: string, ...scenarios: string[]): Mutant =>
  mutant(`deque object: ${name}`, about, 'deque-object.ts', find, replace, ...scenarios.map((s) => `deque object/${s}`))

export const runtimeMutants: readonly Mutant[] = [
  deque(
    'last value without compare-and-swap',
    'the owner and a thief both have it',
    'if (left == 0) got = cas64(d + DEQUE_TOP, top, later(top, 1)) == top;',
    'if (left == 0) store64(d + DEQUE_TOP, later(top, 1));',
    'pop against steal',
  ),
  deque(
    'thief looks at the bottom first',
    'the owner has taken what is there meanwhile',
    `${LOOK}${AFTER}`,
    `${AFTER}${LOOK}`,
    'pop and push against steal',
    'two values',
  ),
  deque(
    'owner looks at the top first',
    'a thief has come in between',
    `${LOWER}${LOOK}`,
    `${LOOK}${LOWER}`,
    'two values',
    'two thieves',
  ),
  deque('shown before it is there', 'a thief reads the slot', `${PUT}${SHOW}`, `${SHOW}${PUT}`, 'push against steal'),
  deque(
    'bottom stays low',
    'after the last value has been taken',
    '    store32(d + DEQUE_BOTTOM, bottom + 1);\n  }\n  return got;',
    '  }\n  return got;',
    'pop and push against steal',
  ),
  deque(
    'room that is not there',
    'a value that nobody has taken is overwritten',
    'function makeRoom(d: usize): bool {\n  set32(d + DEQUE_SEEN, <u32>load64(d + DEQUE_TOP));',
    'function makeRoom(d: usize): bool {\n  set32(d + DEQUE_SEEN, get32(d + DEQUE_BOTTOM));',
    'growth against a thief',
  ),
  deque(
    'ring shown before it is filled',
    'a thief reads a slot that is empty',
    '  if (old != 0) {\n    const bottom',
    '  store32(d + DEQUE_RING, ring);\n  if (old != 0) {\n    const bottom',
    'growth against a thief',
    'growth, and back again',
  ),
  deque(
    'batch without compare-and-swap',
    'another thief has taken the first of it',
    BATCH,
    'const done = load64(from + DEQUE_TOP) == top;\n  if (done) store64(from + DEQUE_TOP, later(top, some));',
    'batch against a thief',
  ),
  deque(
    'batch in two steps',
    'a kill loses what is on its way',
    `  ${BATCH}\n`,
    `  ${BATCH}\n  leave();\n  enter();\n`,
    'killed in a batch',
  ),
  deque(
    'batch not turned round',
    'the newest is taken first',
    'reversed ? more - 1 - i : i',
    'i',
    'batch against push',
  ),
  object(
    'stolen, then staged',
    'a kill loses what is on its way',
    '      store64(to + DEQUE_STAGED, 1 << 32 | <u64>(end + got + 1));\n',
    '',
    'killed in a batch',
  ),
  object(
    'staged by the dead',
    'and published by nobody',
    'if (status != WOULD_BLOCK || !publishDead(o)) return said(status);',
    'return said(status);',
    'killed in a batch',
  ),
  object(
    'stolen, then put',
    'a kill loses what is on its way',
    '    if (status == OK && got < moved) putNow(to, get64(self + THREAD_VALUE));\n    leave();',
    '    leave();\n    enter();\n    if (status == OK && got < moved) putNow(to, get64(self + THREAD_VALUE));\n    leave();',
    'killed in a batch of newest',
  ),
  injector(
    'not marked',
    'a thief takes what is not there yet',
    'while (n < limit && load32(markAt(segment, index + n)) != 0) n++;',
    'n = limit;',
    'two in the injector',
    'two push',
  ),
  injector(
    'pushed in two steps',
    'a kill leaves a position that is never marked',
    '      poke64(valueAt(segment, index), v); // racing',
    '      leave();\n      enter();\n      poke64(valueAt(segment, index), v); // racing',
    'pusher killed',
  ),
  injector(
    'batch without compare-and-swap',
    'another thief has the first of it',
    'const done = cas64(o + INJECTOR_HEAD, head, later(head, n, next)) == head;',
    'store64(o + INJECTOR_HEAD, later(head, n, next));\n  const done = true;',
    'two steal',
  ),
  injector(
    'segment that stays',
    'all of it has been taken, and it is not freed',
    '    if (last) set32(self + THREAD_PENDING, <u32>segment); // all of it has been written and taken\n  }\n  leave();\n  if (!done) return nothing(RETRY);\n  if (last) arena_free(segment);',
    '  }\n  leave();\n  if (!done) return nothing(RETRY);',
    'two steal',
  ),
  task(
    'state as it was',
    'a task that has ended is still said to run',
    '      cas64(task + TASK_STATE, running, TASK_ENDED);\n',
    '',
    'worker killed',
    'worker killed, messages',
  ),
  task(
    'ended without compare-and-swap',
    'its record has been used again meanwhile',
    'cas64(task + TASK_STATE, running, TASK_ENDED);',
    'store64(task + TASK_STATE, TASK_ENDED);',
    'one record',
  ),
  task(
    'message in two hands',
    'of its spawner, and of the task',
    '  if (payload != 0) disown(<u64>payload);',
    '',
    'messages',
  ),
  task(
    'message in no hands',
    'of who runs the task',
    '  set32(task + TASK_PAYLOAD, 0);\n  own(<u64>payload);\n  leave();',
    '  set32(task + TASK_PAYLOAD, 0);\n  leave();',
    'messages',
  ),
  task(
    'told by who disarms',
    'it disarms a loop that has armed again since',
    'if (load32(thread + THREAD_LOOP_ARMED) == (before << 1 | 1)) notify',
    'if (load32(thread + THREAD_LOOP_ARMED) != before - before && xchg32(thread + THREAD_LOOP_ARMED, 0) != 0) notify',
    'results, two at once',
  ),
  task(
    'list taken in two steps',
    'a kill loses all that has ended',
    '    enter();\n    set32(turning, xchg32(list, 0));',
    '    enter();\n    const all = xchg32(list, 0);\n    leave();\n    enter();\n    set32(turning, all);',
    'spawner killed, its heir',
  ),
  task(
    'mail without a name',
    'nobody knows who runs it',
    '  store64(task + TASK_STATE, runBy(me()));\n  leave();\n  return task;',
    '  leave();\n  return task;',
    'worker killed with mail',
  ),
  task(
    'cancel looks first',
    'who takes the task meanwhile does not see the flag',
    '  store32(task + TASK_CANCEL, 1);\n  const state = load64(task + TASK_STATE);\n',
    '  const state = load64(task + TASK_STATE);\n  store32(task + TASK_CANCEL, 1);\n',
    'cancel',
  ),
  task(
    'cancel tells nobody',
    'who runs the task sleeps',
    '    add32(lane + LANE_CANCELS, 1);\n    tell(lane);\n',
    '    add32(lane + LANE_CANCELS, 1);\n',
    'cancel',
  ),
  scheduler(
    'rests without a word',
    'whoever adds a task does not know',
    '  or64(<usize>get32(lane + LANE_RUNTIME) + RUNTIME_IDLE, <u64>1 << get32(lane + LANE_INDEX));\n',
    '',
    'one task',
  ),
  scheduler(
    'wakes before it is queued',
    'who was woken finds nothing',
    '  if (!submit(lane, task, payload, to)) return 0;\n',
    '  wakeOne(<usize>get32(lane + LANE_RUNTIME));\n  if (!submit(lane, task, payload, to)) return 0;\n  return task;\n',
    'one task',
  ),
  scheduler(
    'wakes nobody if another was faster',
    'two tasks, and one worker is woken',
    '    idle = before; // another thread has woken that one for its own task\n',
    '    return;\n',
    'each wakes one',
  ),
  scheduler(
    'batch that wakes nobody',
    'a worker has looked while it was on its way',
    '        if (!isEmpty(lane + LANE_DEQUE) || lengthOf(other + LANE_DEQUE) != 0) wakeOne(runtime);\n        if (task',
    '        if (task',
    'batch and a look',
  ),
  scheduler(
    'swallows who wakes it',
    'it has found another task by itself',
    'if (!(and64(runtime + RUNTIME_IDLE, ~bit) & bit) && isWork(runtime)) wakeOne(runtime);',
    'and64(runtime + RUNTIME_IDLE, ~bit);',
    'mail and a task',
  ),
  scheduler(
    'hunter that wakes nobody',
    'for its sake nobody was rung for the second task',
    '  if (found && isWork(runtime)) wakeOne(runtime);\n',
    '',
    'together, hunting',
    'together, one hunts',
  ),
  scheduler(
    'hunter that has looked before',
    'what comes after its look rings nobody',
    '  and64(runtime + RUNTIME_HUNTING, ~(<u64>1 << get32(lane + LANE_INDEX)));\n  if (found && isWork(runtime)) wakeOne(runtime);\n',
    '  const more = found && isWork(runtime);\n  and64(runtime + RUNTIME_HUNTING, ~(<u64>1 << get32(lane + LANE_INDEX)));\n  if (more) wakeOne(runtime);\n',
    'together, hunting',
    'together, one hunts',
  ),
  scheduler(
    'dead that hunt for ever',
    'nobody is rung any more',
    '  store64(runtime + RUNTIME_HUNTING, 0); // the dead hunt no more; for the others somebody is rung in vain\n',
    '',
    'hunter killed',
  ),
  scheduler(
    'stolen, then named',
    'a kill loses the task',
    '  const status = stealNow(from + LANE_DEQUE, 0);\n  if (status == OK) begin();\n  leave();',
    '  const status = stealNow(from + LANE_DEQUE, 0);\n  leave();\n  if (status == OK) begin();',
    'worker killed',
    'owner killed',
  ),
  scheduler(
    'more workers told to nobody',
    'they sleep',
    '  store32(runtime + RUNTIME_PROCS, procs);\n  ringAll(runtime);',
    '  store32(runtime + RUNTIME_PROCS, procs);',
    'one more worker',
  ),
  scheduler(
    'closed and told to nobody',
    'workers sleep on',
    '  store32(runtime + RUNTIME_CLOSED, 1);\n  ringAll(runtime);',
    '  store32(runtime + RUNTIME_CLOSED, 1);',
    'closed',
  ),
  scheduler(
    'last one without a second look',
    'another thread has come in to mend',
    'if ((state & FLAGS_MASK) != 1 || cas32(runtime + HEAD_STATE, state, state - 1) != state) {',
    'if (cas32(runtime + HEAD_STATE, state, state - 1) != state) {',
    'leave against mend',
  ),
  scheduler(
    'joins what is being freed',
    'nobody uses it any more',
    ' || !(state & FLAGS_MASK) || ',
    ' || ',
    'leave against join',
    'leave against mend',
  ),
  {
    name: 'scheduler: lane counted by its maker',
    about: 'another thread has it by then, and nobody looks at it',
    mutations: [
      { file: 'scheduler.ts', find: '    count(runtime, i);\n', replace: '' },
      {
        file: 'scheduler.ts',
        find: '  if (done) return lane;\n  arena_free(lane);',
        replace: '  if (done) {\n    count(runtime, index);\n    return lane;\n  }\n  arena_free(lane);',
      },
    ],
    scenarios: ['runtime/spawner killed in coming'],
  },
  scheduler(
    'message collected twice',
    'by the heir',
    '    const payload = <usize>get32(task + TASK_PAYLOAD); // in our hands\n',
    '    const payload = task_accept(task);\n',
    'spawner killed, its heir',
  ),
  scheduler(
    'collected and kept',
    'by the heir of who has collected it',
    'if (state == TASK_FREE || state == TASK_COLLECTED) task_release',
    'if (state == TASK_FREE) task_release',
    'spawner killed, its heir',
  ),
  scheduler(
    'message of a collected task freed',
    'it is in the hands of who has collected it',
    '      if (<u32>load64(task + TASK_STATE) == TASK_COLLECTED) continue; // its message is in the hands of who collected it\n',
    '',
    'spawner killed',
  ),
  scheduler(
    'dead counted for ever',
    'the runtime is never freed',
    '    if (cas32(lane + LANE_OWNER, owner, 0) == owner) add32(runtime + HEAD_STATE, -1);\n',
    '',
    'worker killed',
  ),
  scheduler(
    'dead counted twice',
    'by two who mend',
    'if (cas32(lane + LANE_OWNER, owner, 0) == owner) add32',
    'store32(lane + LANE_OWNER, 0);\n    add32',
    'two mend',
  ),
  scheduler(
    'heir does not count the dead out',
    'the runtime is never freed',
    '      if (owner != 0) add32(runtime + HEAD_STATE, -1); // the dead use the runtime no more. We do, so this is not the last one\n',
    '',
    'heir before it is mended',
  ),
  scheduler(
    'mended without claim',
    'by two',
    '        if (cas64(task + TASK_STATE, state, runBy(me())) != state) continue;\n',
    '',
    'two mend',
  ),
  scheduler(
    'mended and told to nobody',
    'a task whose worker was woken and has died',
    '      }\n    }\n  }\n  ringAll(runtime);',
    '      }\n    }\n  }',
    'worker killed',
    'worker killed, messages',
    'spawner killed',
  ),
]
