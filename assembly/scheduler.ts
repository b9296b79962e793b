// Scheduler: the lanes of a runtime, who takes which task next, and who is woken for it.
//
// Who may call: what takes a lane the thread whose lane it is; the rest any attached thread that has joined the runtime.
//
// Go's G, M and P: a task is a G, a worker thread an M, its lane a P. Each worker takes from its own deque (newest first: a tree of tasks is worked off
// depth first), then from those of the spawners (oldest first, a part of what is there at a time), then it steals half of what another worker has. Now
// and then it looks at the spawners first, and at its own oldest task, so that nobody waits for ever.
//
//   spawners' lanes  ──►  workers' lanes  ──►  LANE_FINISHED of who spawned
//        main, …          W0 ◄─ steals ─► W1
//
// Waiting. A worker that has found nothing says so (RUNTIME_IDLE), then looks again; who adds a task does that, then looks at RUNTIME_IDLE: one of the
// two sees the other. Who clears the bit rings the worker, in one section. One is woken for each task; who finds more than it takes wakes the next. As in
// Go, nobody is woken while a worker hunts (RUNTIME_HUNTING); when it has found a task, it wakes the next if there are more.
//
// Death. What a dead worker ran is finished as DATUM_DIED by whoever mends first; its lane, with all that is queued there, waits for its heir, while
// others steal from it. All idle workers are rung then: one that was woken may be the one that has died.
//
// Progress: lock-free. A kill leaves nothing locked; of the runtime's own memory at most what was being given back.

import { arena_allocate, arena_free, settled } from "./arena.ts";
import { add32, and64, cas32, cas64, enter, get32, get64, leave, load32, load64, or64, set32, set64, store32, store64 } from "./atomics.ts";
import { deque_free, deque_init, isEmpty, lengthOf, moveOldest, popNow, putNow, hasRoom, stealNow } from "./deque.ts";
import {
  ARENA, ARENA_RUNTIMES, DATUM_DIED, DEQUE_RING, FLAGS_MASK, HEAD_KIND, HEAD_STATE, KIND_LANE, KIND_RUNTIME, LANE_BYTES, LANE_COUNT, LANE_DEQUE, LANE_DONE,
  LANE_FINISHED, LANE_FREE, LANE_INDEX, LANE_LIVE, LANE_MAIL, LANE_MAIL_TURNING, LANE_OWNER, LANE_PAGES, LANE_PINNED, LANE_RUNTIME, LANE_THREAD, LANE_TICK, LANE_TURNING, MAX_PROCS,
  MAX_RUNTIMES, MAX_SPAWNERS, OK, RETRY, RUNTIME_BYTES, RUNTIME_CLOSED, RUNTIME_HUNTING, RUNTIME_IDLE, RUNTIME_LANES, RUNTIME_MAKER, RUNTIME_PROCS, RUNTIME_SPAWNERS, RUNTIME_WORKERS,
  STALE, TASKS_BYTES, TASKS_FIRST, TASKS_NEXT, TASK_BLOCKED, TASK_BYTES, TASK_COLLECTED, TASK_FREE, TASK_FUNCTION, TASK_KINDS, TASK_LENGTH, TASK_PAYLOAD, TASK_RUNNING, TASK_STATE, TASK_VALUES,
  THREAD_PENDING, THREAD_VALUE,
} from "./layout.ts";
import { message_free } from "./message.ts";
import { isDead } from "./sync.ts";
import { me, runBy, submit, takeMail, task_accept, task_collect, task_finish, task_make, task_release, tell } from "./task.ts";
import { self } from "./thread.ts";

const LANES: u32 = MAX_PROCS + MAX_SPAWNERS;

if (RUNTIME_LANES + (MAX_PROCS + MAX_SPAWNERS) * 4 > RUNTIME_BYTES) ERROR("the lanes do not fit the runtime");

/** Every so many tasks a worker looks at what the spawners have first. Go's number. */
const FAIR_EVERY: u32 = 61;
/** Most tasks that a worker takes from a spawner at a time. */
const BATCH: u32 = 64;

// @ts-ignore: decorator
@inline function laneOf(runtime: usize, index: u32): usize { return <usize>load32(runtime + RUNTIME_LANES + (index << 2)); }

// ── Spawning ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Wakes a worker that has nothing to do, if there is one. */
// @ts-ignore: decorator
@inline function wakeOne(runtime: usize): void {
  // Dekker with lane_rest, and with lane_found: the task has been queued before these, which are loads in their own right.
  const idle = load64(runtime + RUNTIME_IDLE);
  if (idle != 0 && load64(runtime + RUNTIME_HUNTING) == 0) wake(runtime, idle);
}

function wake(runtime: usize, idle: u64): void {
  while (idle != 0) {
    const index = <u32>ctz(idle);
    const bit = <u64>1 << index;
    enter();
    const before = and64(runtime + RUNTIME_IDLE, ~bit);
    if (before & bit) tell(laneOf(runtime, index));
    leave();
    if (before & bit) return;
    idle = before; // another thread has woken that one for its own task
  }
}

/**
 * Spawns a task with up to three arguments in place: its record, or 0 if the arena is full. `kinds`: four bits for each argument, DATUM_*. With a
 * message in our hands at `payload`, it is the arguments. For the worker with the lane `to` alone if that is not 0.
 */
export function lane_spawn(lane: usize, name: u32, kinds: u32, a: f64, b: f64, c: f64, payload: usize, length: u32, to: usize): usize {
  const task = task_make(lane);
  if (task == 0) return 0;
  set32(task + TASK_FUNCTION, name);
  set32(task + TASK_KINDS, kinds);
  set64(task + TASK_VALUES, reinterpret<u64>(a)); // plain: ours until it is queued
  set64(task + TASK_VALUES + 8, reinterpret<u64>(b));
  set64(task + TASK_VALUES + 16, reinterpret<u64>(c));
  set32(task + TASK_LENGTH, length);
  if (!submit(lane, task, payload, to)) return 0;
  // Who gets mail has been rung, and passes on what it was woken for besides (lane_stir). Plain: constant while the lane is in use.
  if (to == 0) wakeOne(<usize>get32(lane + LANE_RUNTIME));
  return task;
}

// ── Taking ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Marks the task in THREAD_VALUE as running on this thread. In the section that took it. */
// @ts-ignore: decorator
@inline function begin(): void {
  store64(<usize>get64(self + THREAD_VALUE) + TASK_STATE, runBy(me()));
}

// @ts-ignore: decorator
@inline function taken(): usize { return <usize>get64(self + THREAD_VALUE); }

function pop(lane: usize): usize {
  if (isEmpty(lane + LANE_DEQUE)) return 0;
  enter();
  const got = popNow(lane + LANE_DEQUE);
  if (got) begin();
  leave();
  return got ? taken() : 0;
}

/** The oldest task of a lane, RUNNING; 0 if there is none, or 1 if another thread was faster. */
function steal(from: usize): usize {
  enter();
  const status = stealNow(from + LANE_DEQUE, 0);
  if (status == OK) begin();
  leave();
  return status == OK ? taken() : status == RETRY ? 1 : 0;
}

/** The oldest task of the spawners, RUNNING, and some more for this lane. 0 if there is none. */
function fromSpawners(runtime: usize, lane: usize, tick: u32): usize {
  const n = load32(runtime + RUNTIME_SPAWNERS);
  for (let i: u32 = 0; i < n; i++) {
    const other = laneOf(runtime, MAX_PROCS + (tick + i) % n);
    if (other == 0) continue;
    while (true) {
      const length = lengthOf(other + LANE_DEQUE);
      if (length == 0) break;
      const part = length / max(1, load32(runtime + RUNTIME_PROCS)) + 1;
      if (part > 1 && moveOldest(other + LANE_DEQUE, lane + LANE_DEQUE, min(part, BATCH)) != 0) {
        const task = pop(lane);
        // On their way from one deque to the other nobody has seen them: so who looked meanwhile is told.
        if (!isEmpty(lane + LANE_DEQUE) || lengthOf(other + LANE_DEQUE) != 0) wakeOne(runtime);
        if (task != 0) return task;
      } else {
        const task = steal(other);
        if (task > 1) return task;
      }
    }
  }
  return 0;
}

/** Half of what another worker has: the oldest of it, RUNNING, the rest for this lane. 0 if nobody has anything. */
function fromWorkers(runtime: usize, lane: usize, tick: u32): usize {
  const n = load32(runtime + RUNTIME_WORKERS);
  const own = lane + LANE_DEQUE;
  for (let i: u32 = 0; i < n; i++) {
    const other = laneOf(runtime, (tick + i) % n);
    if (other == 0 || other == lane) continue;
    while (true) {
      const task = steal(other);
      if (task == 0) break;
      if (task == 1) continue;
      for (let left = lengthOf(other + LANE_DEQUE) >> 1; left > 0; left--) {
        if (!hasRoom(own)) break;
        enter();
        const status = stealNow(other + LANE_DEQUE, 0);
        if (status == OK) putNow(own, get64(self + THREAD_VALUE));
        leave();
        if (status != OK) break;
      }
      if (!isEmpty(own) || lengthOf(other + LANE_DEQUE) != 0) wakeOne(runtime);
      return task;
    }
  }
  return 0;
}

/** The next task for this worker, RUNNING; 0 if there is none anywhere, or it is not to take any. */
export function lane_next(lane: usize): usize {
  const runtime = <usize>get32(lane + LANE_RUNTIME);
  if (load32(runtime + RUNTIME_CLOSED)) return 0;
  let task = takeMail(lane);
  if (task != 0) return task;
  if (get32(lane + LANE_INDEX) >= load32(runtime + RUNTIME_PROCS)) return 0;
  const tick = get32(lane + LANE_TICK) + 1;
  set32(lane + LANE_TICK, tick);
  if (tick % FAIR_EVERY == 0) {
    task = fromSpawners(runtime, lane, tick);
    if (task != 0) return task;
    task = steal(lane);
    if (task > 1) return task;
  }
  task = pop(lane);
  if (task == 0) task = fromSpawners(runtime, lane, tick);
  if (task == 0) task = fromWorkers(runtime, lane, tick);
  return task;
}

/** Says that this worker has nothing to do, to be called before the last look: whoever adds a task after that rings it. */
export function lane_rest(lane: usize): void {
  or64(<usize>get32(lane + LANE_RUNTIME) + RUNTIME_IDLE, <u64>1 << get32(lane + LANE_INDEX));
}

/** It has something to do after all: to be called with the first task that it takes after `lane_rest`, before that runs. */
export function lane_stir(lane: usize): void {
  const runtime = <usize>get32(lane + LANE_RUNTIME);
  const bit = <u64>1 << get32(lane + LANE_INDEX);
  // Who has cleared the bit meant us to come for one task. If it is not the one that we have taken, another worker is to come for it.
  if (!(and64(runtime + RUNTIME_IDLE, ~bit) & bit) && isWork(runtime)) wakeOne(runtime);
}

/**
 * This worker, which has nothing to do, begins to look for tasks all the time: nobody is rung meanwhile. False if half of the workers do so already.
 * `lane_found` is to be called when it ends that.
 */
export function lane_hunt(lane: usize): bool {
  const runtime = <usize>get32(lane + LANE_RUNTIME);
  const hunting = load64(runtime + RUNTIME_HUNTING);
  if (<u32>popcnt(hunting) * 2 >= load32(runtime + RUNTIME_PROCS)) return false;
  or64(runtime + RUNTIME_HUNTING, <u64>1 << get32(lane + LANE_INDEX));
  return true;
}

/** It hunts no more: it has found a task, and is going to run it, or it is going to look once more before it sleeps. */
export function lane_found(lane: usize, found: bool): void {
  const runtime = <usize>get32(lane + LANE_RUNTIME);
  // Dekker with wakeOne: we clear the bit, then look what is queued (or the caller does); who queues a task looks at the bit after that.
  and64(runtime + RUNTIME_HUNTING, ~(<u64>1 << get32(lane + LANE_INDEX)));
  if (found && isWork(runtime)) wakeOne(runtime);
}

/** Whether any task is queued for whoever comes first. */
function isWork(runtime: usize): bool {
  for (let i: u32 = 0; i < LANES; i++) {
    if (i == load32(runtime + RUNTIME_WORKERS)) i = MAX_PROCS;
    if (i == MAX_PROCS + load32(runtime + RUNTIME_SPAWNERS)) break;
    const lane = laneOf(runtime, i);
    if (lane != 0 && lengthOf(lane + LANE_DEQUE) != 0) return true;
  }
  return false;
}

// ── Runtime ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A new runtime that the calling thread has joined; 0 if the arena is full or has MAX_RUNTIMES. */
export function runtime_create(procs: u32): usize {
  const runtime = arena_allocate(RUNTIME_BYTES);
  if (runtime == 0) return 0;
  set32(runtime + RUNTIME_MAKER, me());
  store32(runtime + RUNTIME_PROCS, procs);
  for (let i: u32 = 0; i < <u32>MAX_RUNTIMES; i++) {
    const entry = <usize>ARENA + ARENA_RUNTIMES + (i << 2);
    if (load32(entry) != 0) continue;
    enter();
    const done = cas32(entry, 0, <u32>runtime) == 0;
    if (done) {
      store32(runtime + HEAD_STATE, (load32(runtime + HEAD_STATE) & ~FLAGS_MASK) + 1);
      store32(runtime + HEAD_KIND, KIND_RUNTIME);
      settled();
    }
    leave();
    if (done) return runtime;
  }
  arena_free(runtime);
  return 0;
}

/** Counts the calling thread among those that use the runtime: OK or STALE. */
export function runtime_join(runtime: usize, open: u32): u32 {
  while (true) {
    const state = load32(runtime + HEAD_STATE);
    if ((state & ~FLAGS_MASK) != open || !(state & FLAGS_MASK) || load32(runtime + HEAD_KIND) != KIND_RUNTIME) return STALE;
    if (cas32(runtime + HEAD_STATE, state, state + 1) == state) return OK;
  }
  return STALE;
}

/** The calling thread uses the runtime no more. The last one gives its memory back: every lane's, and its own. */
export function runtime_leave(runtime: usize): void {
  while (true) {
    const state = load32(runtime + HEAD_STATE);
    if ((state & FLAGS_MASK) == 1) break; // nobody joins one that has been closed
    if (cas32(runtime + HEAD_STATE, state, state - 1) == state) return;
  }
  for (let i: u32 = 0; i < <u32>MAX_RUNTIMES; i++) cas32(<usize>ARENA + ARENA_RUNTIMES + (i << 2), <u32>runtime, 0);
  // A thread that mends may have come in between the two.
  const state = load32(runtime + HEAD_STATE);
  if ((state & FLAGS_MASK) != 1 || cas32(runtime + HEAD_STATE, state, state - 1) != state) {
    runtime_leave(runtime);
    return;
  }
  for (let i: u32 = 0; i < LANES; i++) {
    const lane = laneOf(runtime, i);
    if (lane == 0) continue;
    clearTasks(lane);
    deque_free(lane + LANE_DEQUE);
    arena_free(lane);
  }
  arena_free(runtime);
}

/** Frees the blocks of a lane's tasks, and the messages that belong to them. */
function clearTasks(lane: usize): void {
  while (true) {
    const block = <usize>get32(lane + LANE_PAGES);
    if (block == 0) return;
    for (let task = block + TASKS_FIRST; task < block + TASKS_BYTES; task += TASK_BYTES) {
      if (<u32>load64(task + TASK_STATE) == TASK_COLLECTED) continue; // its message is in the hands of who collected it
      const payload = task_accept(task);
      if (payload != 0) message_free(payload);
    }
    enter();
    set32(self + THREAD_PENDING, <u32>block);
    set32(lane + LANE_PAGES, get32(block + TASKS_NEXT));
    leave();
    arena_free(block);
  }
}

/** A lane for the calling thread: of the worker with that number, or with MAX_PROCS a spawner's. 0 if there is no room, 1 if that worker is alive. */
export function lane_claim(runtime: usize, index: u32): usize {
  const worker = index < <u32>MAX_PROCS;
  const end: u32 = worker ? index + 1 : LANES;
  for (let i = index; i < end; i++) {
    const entry = runtime + RUNTIME_LANES + (i << 2);
    let lane = <usize>load32(entry);
    if (lane == 0) {
      lane = make(runtime, i);
      if (lane == 0) return 0;
    }
    const owner = load32(lane + LANE_OWNER);
    if (owner != 0 && !isDead(owner)) {
      if (worker) return 1;
      continue;
    }
    enter();
    const done = cas32(lane + LANE_OWNER, owner, me()) == owner;
    if (done) {
      store32(lane + LANE_THREAD, <u32>self);
      if (owner != 0) add32(runtime + HEAD_STATE, -1); // the dead use the runtime no more. We do, so this is not the last one
    }
    leave();
    if (!done) {
      if (worker) return 1;
      continue;
    }
    // A new lane, or one whose maker has died over this.
    if (get32(lane + LANE_DEQUE + DEQUE_RING) == 0 && !deque_init(lane + LANE_DEQUE, 0)) {
      lane_leave(lane);
      return 0;
    }
    count(runtime, i);
    inherit(lane);
    // Without a block of its own it might wait for ever: what is given back to a full arena is of other sizes.
    if (task_make(lane) != 0) return lane;
    lane_leave(lane);
    return 0;
  }
  return 0;
}

/** A new lane, whose deque has no ring yet; another thread's, if that was faster. */
function make(runtime: usize, index: u32): usize {
  const entry = runtime + RUNTIME_LANES + (index << 2);
  const lane = arena_allocate(LANE_BYTES);
  if (lane == 0) return 0;
  set32(lane + LANE_RUNTIME, <u32>runtime);
  set32(lane + LANE_INDEX, index);
  store32(lane + LANE_THREAD, <u32>self);
  enter();
  store32(lane + HEAD_KIND, KIND_LANE);
  const done = cas32(entry, 0, <u32>lane) == 0;
  if (done) settled();
  leave();
  if (done) return lane;
  arena_free(lane);
  return <usize>load32(entry);
}

/** Sees to it that others look at the lane. Before anything is queued there. */
function count(runtime: usize, index: u32): void {
  const word = runtime + (index < <u32>MAX_PROCS ? RUNTIME_WORKERS : RUNTIME_SPAWNERS);
  const most = index < <u32>MAX_PROCS ? index + 1 : index + 1 - MAX_PROCS;
  while (true) {
    const now = load32(word);
    if (now >= most || cas32(word, now, most) == now) return;
  }
}

/** Puts a dead thread's lane in order: what nobody waits for any more becomes free. What is queued stays. */
function inherit(lane: usize): void {
  while (true) {
    const task = task_collect(lane);
    if (task == 0) break;
    const payload = <usize>get32(task + TASK_PAYLOAD); // in our hands
    if (payload == 0) continue;
    message_free(payload);
    task_release(lane, task);
  }
  set32(lane + LANE_FREE, 0);
  let live: u32 = 0;
  for (let block = <usize>get32(lane + LANE_PAGES); block != 0; block = <usize>get32(block + TASKS_NEXT)) {
    for (let task = block + TASKS_FIRST; task < block + TASKS_BYTES; task += TASK_BYTES) {
      const state = <u32>load64(task + TASK_STATE);
      if (state == TASK_FREE || state == TASK_COLLECTED) task_release(lane, task);
      else live++;
    }
  }
  set32(lane + LANE_LIVE, live);
}

/** The thread of this lane spawns no more. */
export function lane_leave(lane: usize): void {
  store32(lane + LANE_OWNER, 0);
}

/** Nobody takes or adds tasks any more; all who have a lane are told. */
export function runtime_close(runtime: usize): void {
  store32(runtime + RUNTIME_CLOSED, 1);
  ringAll(runtime);
}

function ringAll(runtime: usize): void {
  store64(runtime + RUNTIME_IDLE, 0);
  store64(runtime + RUNTIME_HUNTING, 0); // the dead hunt no more; for the others somebody is rung in vain
  for (let i: u32 = 0; i < LANES; i++) {
    const lane = laneOf(runtime, i);
    if (lane == 0 || load32(lane + LANE_OWNER) == 0) continue;
    enter();
    tell(lane);
    leave();
  }
}

/** How many workers take tasks from now on. */
export function runtime_setProcs(runtime: usize, procs: u32): void {
  store32(runtime + RUNTIME_PROCS, procs);
  ringAll(runtime);
}

/** To be called after threads have been reaped: ends what they ran, closes what they made, and has everybody look. Any thread may, at any time. */
export function runtime_mend(): void {
  for (let i: u32 = 0; i < <u32>MAX_RUNTIMES; i++) {
    const entry = <usize>ARENA + ARENA_RUNTIMES + (i << 2);
    const runtime = <usize>load32(entry);
    if (runtime == 0 || runtime_join(runtime, load32(runtime + HEAD_STATE) & ~FLAGS_MASK) != OK) continue;
    if (load32(entry) == <u32>runtime) mend(runtime);
    runtime_leave(runtime);
  }
}

function mend(runtime: usize): void {
  for (let i: u32 = 0; i < LANES; i++) {
    const lane = laneOf(runtime, i);
    if (lane == 0) continue;
    const owner = load32(lane + LANE_OWNER);
    if (owner == 0 || !isDead(owner)) continue;
    // Whoever takes its place joins by itself. We have joined, so this is not the last one.
    enter();
    if (cas32(lane + LANE_OWNER, owner, 0) == owner) add32(runtime + HEAD_STATE, -1);
    leave();
  }
  if (isDead(get32(runtime + RUNTIME_MAKER)) && load32(runtime + RUNTIME_CLOSED) == 0) runtime_close(runtime);
  // The dead need not have a lane any more: an heir may have it, or one who has died over mending.
  for (let i: u32 = 0; i < LANES; i++) {
    const lane = laneOf(runtime, i);
    if (lane == 0) continue;
    for (let block = <usize>load32(lane + LANE_PAGES); block != 0; block = <usize>get32(block + TASKS_NEXT)) {
      for (let task = block + TASKS_FIRST; task < block + TASKS_BYTES; task += TASK_BYTES) {
        const state = load64(task + TASK_STATE);
        if ((<u32>state != TASK_RUNNING && <u32>state != TASK_BLOCKED) || !isDead(<u32>(state >> 32))) continue;
        // Claimed: should we die over this, our own reaper goes on.
        if (cas64(task + TASK_STATE, state, runBy(me())) != state) continue;
        const payload = task_accept(task);
        if (payload != 0) message_free(payload);
        task_finish(task, DATUM_DIED, <f64><u32>(state >> 32), 0, 0);
      }
    }
  }
  ringAll(runtime);
}
