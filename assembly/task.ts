// Task: the record of one goroutine, from spawn to result, and the lists that it goes through.
//
// Who may call: make, submit, collect and release the thread whose lane it is; finish the thread that runs it.
//
// A task belongs to its lane for ever: records are cut from blocks of the lane and used again by it. So the usual spawn takes no lock, no shared list and
// no allocation, and a word of a record that is read too late is still a word of a task.
//
//   FREE ──submit──► QUEUED ──take──► RUNNING ──finish──► ENDED ──collect──► COLLECTED ──release──► FREE
//
// TASK_STATE names the thread that runs it. What a dead thread ran is finished by its reaper (runtime_mend).
//
// Lists are linked by TASK_NEXT. Those that other threads push to (LANE_FINISHED, LANE_MAIL) are Treiber stacks of which the owner takes all at once: no
// ABA. It turns them round one by one, each step a section, so that its heir can go on with that.
//
// Progress: lock-free; a push may have to be tried again. A kill leaves each task in one list, or RUNNING.

import { arena_allocate, settled } from "./arena.ts";
import { add32, cas32, cas64, enter, get32, leave, load32, load64, notify, poke32, poke64, set32, set64, store32, store64, xchg32 } from "./atomics.ts";
import { hasRoom, putNow } from "./deque.ts";
import {
  HEAD_KIND, KIND_TASKS, LANE_CANCELS, LANE_COUNT, LANE_DEQUE, LANE_DONE, LANE_FINISHED, LANE_FREE, LANE_LIVE, LANE_MAIL, LANE_MAIL_TURNING, LANE_OWNER, LANE_PAGES,
  LANE_PINNED, LANE_RUNTIME, LANE_THREAD, LANE_TURNING, RUNTIME_LANES, RUNTIME_WORKERS, TASKS_BYTES, TASKS_FIRST, TASKS_NEXT, TASK_BLOCKED, TASK_BYTES, TASK_CANCEL, TASK_COLLECTED, TASK_ENDED, TASK_FREE, TASK_FUNCTION,
  TASK_INDEX, TASK_KINDS, TASK_LANE, TASK_LENGTH, TASK_NEXT, TASK_PAYLOAD, TASK_QUEUED, TASK_RUNNING, TASK_STATE, TASK_VALUES, THREAD_LOOP_ARMED, THREAD_LOOP_BELL, THREAD_STATE,
} from "./layout.ts";
import { disown, own } from "./message.ts";
import { self } from "./thread.ts";

/** TASK_STATE of a task that the thread with that identity runs. */
// @ts-ignore: decorator
@inline export function runBy(identity: u32): u64 { return <u64>identity << 32 | TASK_RUNNING; }
// @ts-ignore: decorator
@inline export function me(): u32 { return get32(self + THREAD_STATE + 4); } // plain: constant since we have attached

/** A record for a new task of the lane; 0 if the arena is full. */
export function task_make(lane: usize): usize {
  const task = <usize>get32(lane + LANE_FREE);
  if (task != 0) return task;
  return extend(lane) ? <usize>get32(lane + LANE_FREE) : 0;
}

/** Cuts a block into records. */
function extend(lane: usize): bool {
  const block = arena_allocate(TASKS_BYTES);
  if (block == 0) return false;
  let index = get32(lane + LANE_COUNT);
  let next: usize = 0;
  for (let task = block + TASKS_BYTES - TASK_BYTES; task >= block + TASKS_FIRST; task -= TASK_BYTES) {
    set32(task + TASK_NEXT, <u32>next);
    set32(task + TASK_LANE, <u32>lane);
    set32(task + TASK_INDEX, index++);
    next = task;
  }
  set32(block + TASKS_NEXT, get32(lane + LANE_PAGES));
  enter();
  store32(block + HEAD_KIND, KIND_TASKS);
  store32(lane + LANE_PAGES, <u32>block); // publishes the block; pairs with the load in runtime_mend
  set32(lane + LANE_COUNT, index);
  set32(lane + LANE_FREE, <u32>next);
  settled();
  leave();
  return true;
}

/**
 * Queues the record that `task_make` has just given and the caller has filled, with the message in our hands at `payload` if that is not 0. For whoever
 * comes first, or for the worker with the lane `to` alone. False if there was no room, and nothing has happened.
 */
// @ts-ignore: decorator
@inline export function submit(lane: usize, task: usize, payload: usize, to: usize): bool {
  if (to != 0) {
    mail(lane, task, payload, to);
    return true;
  }
  if (!hasRoom(lane + LANE_DEQUE)) return false;
  enter();
  leaveFree(lane, task, payload);
  putNow(lane + LANE_DEQUE, <u64>task);
  leave();
  return true;
}

// @ts-ignore: decorator
@inline function leaveFree(lane: usize, task: usize, payload: usize): void {
  set32(lane + LANE_FREE, get32(task + TASK_NEXT));
  set32(lane + LANE_LIVE, get32(lane + LANE_LIVE) + 1);
  poke32(task + TASK_CANCEL, 0);
  poke64(task + TASK_STATE, TASK_QUEUED); // reapers look at it at any time
  entrust(task, payload);
}

/** Before a record is given to others: the message goes with it, which is not in our hands any more. */
// @ts-ignore: decorator
@inline function entrust(task: usize, payload: usize): void {
  set32(task + TASK_PAYLOAD, <u32>payload);
  if (payload != 0) disown(<u64>payload);
}

/** If that came to nothing. */
// @ts-ignore: decorator
@inline function takeBack(task: usize, payload: usize): void {
  set32(task + TASK_PAYLOAD, 0);
  if (payload != 0) own(<u64>payload);
}

function mail(lane: usize, task: usize, payload: usize, to: usize): void {
  while (true) {
    const first = load32(to + LANE_MAIL);
    enter();
    const rest = get32(task + TASK_NEXT);
    set32(task + TASK_NEXT, first);
    poke32(task + TASK_CANCEL, 0);
    poke64(task + TASK_STATE, TASK_QUEUED);
    entrust(task, payload);
    const done = cas32(to + LANE_MAIL, first, <u32>task) == first;
    if (done) {
      // It may run by now: what its record says is not for us any more, but for where it was free.
      set32(lane + LANE_FREE, rest);
      set32(lane + LANE_LIVE, get32(lane + LANE_LIVE) + 1);
      tell(to);
    } else {
      takeBack(task, payload);
      poke64(task + TASK_STATE, TASK_FREE);
      set32(task + TASK_NEXT, rest);
    }
    leave();
    if (done) return;
  }
}

/** Makes what another thread has left in a list, oldest first, one of ours: the first of it, or 0. `turning` is the word of what has not been turned round yet. */
function turn(list: usize, turning: usize, turned: usize): usize {
  const first = <usize>get32(turned);
  if (first != 0) return first;
  if (get32(turning) == 0) {
    if (load32(list) == 0) return 0;
    enter();
    set32(turning, xchg32(list, 0)); // pairs with the compare-and-swap of who pushed
    leave();
  }
  while (true) {
    const task = <usize>get32(turning);
    if (task == 0) return <usize>get32(turned);
    enter();
    set32(turning, get32(task + TASK_NEXT));
    set32(task + TASK_NEXT, get32(turned));
    set32(turned, <u32>task);
    leave();
  }
  return 0;
}

/** The next task for this worker alone, RUNNING; 0 if there is none. */
export function takeMail(lane: usize): usize {
  const task = turn(lane + LANE_MAIL, lane + LANE_MAIL_TURNING, lane + LANE_PINNED);
  if (task == 0) return 0;
  enter();
  set32(lane + LANE_PINNED, get32(task + TASK_NEXT));
  store64(task + TASK_STATE, runBy(me()));
  leave();
  return task;
}

/** Takes the arguments' message of a task that we run into our hands. */
export function task_accept(task: usize): usize {
  const payload = <usize>get32(task + TASK_PAYLOAD);
  if (payload == 0) return 0;
  enter();
  set32(task + TASK_PAYLOAD, 0);
  own(<u64>payload);
  leave();
  return payload;
}

/**
 * Ends a task that we run. Its result is of that kind: `value` if it is a number, and the message in our hands at `payload` if that is not 0.
 * Its thread is told.
 */
export function task_finish(task: usize, kind: u32, value: f64, payload: usize, length: u32): void {
  const lane = <usize>get32(task + TASK_LANE);
  set64(task + TASK_VALUES, reinterpret<u64>(value)); // plain: ours until the push
  set32(task + TASK_FUNCTION, 0);
  set32(task + TASK_KINDS, kind);
  set32(task + TASK_LENGTH, length);
  while (true) {
    const first = load32(lane + LANE_FINISHED);
    set32(task + TASK_NEXT, first);
    enter();
    const running = load64(task + TASK_STATE);
    entrust(task, payload);
    // Publishes the result; pairs with the exchange in turn.
    const done = cas32(lane + LANE_FINISHED, first, <u32>task) == first;
    if (done) {
      // Unless it has been collected and spawned anew meanwhile: not to be run by us again before this.
      cas64(task + TASK_STATE, running, TASK_ENDED);
      tell(lane);
    } else takeBack(task, payload);
    leave();
    if (done) return;
  }
}

/** Wakes the event loop of the thread whose lane it is, if it sleeps. Straight-line. */
// @ts-ignore: decorator
@inline export function tell(lane: usize): void {
  const thread = <usize>load32(lane + LANE_THREAD);
  if (thread != self) {
    // As ring in waiter.ts, but only whoever rings first since the loop looked at its bell notifies: it sleeps on what the bell was then, or not at all.
    const before = add32(thread + THREAD_LOOP_BELL, 1);
    if (load32(thread + THREAD_LOOP_ARMED) == (before << 1 | 1)) notify(thread + THREAD_LOOP_BELL, 1);
  }
}

/** The task that we run waits for something, its thread may do other things meanwhile. */
export function task_block(task: usize): void {
  store64(task + TASK_STATE, <u64>me() << 32 | TASK_BLOCKED);
}

/**
 * The next task of this lane that has ended; 0 if there is none. If its result has a message (TASK_PAYLOAD), that is in our hands, and the record is
 * COLLECTED until `task_release`. Else the record is free already, and can be read until the next spawn.
 */
export function task_collect(lane: usize): usize {
  const task = turn(lane + LANE_FINISHED, lane + LANE_TURNING, lane + LANE_DONE);
  if (task == 0) return 0;
  const payload = get32(task + TASK_PAYLOAD);
  enter();
  set32(lane + LANE_DONE, get32(task + TASK_NEXT));
  set32(lane + LANE_LIVE, get32(lane + LANE_LIVE) - 1);
  if (payload != 0) {
    own(<u64>payload);
    poke64(task + TASK_STATE, TASK_COLLECTED);
  } else release(lane, task);
  leave();
  return task;
}

/** Straight-line, inside a section. */
// @ts-ignore: decorator
@inline function release(lane: usize, task: usize): void {
  set32(task + TASK_NEXT, get32(lane + LANE_FREE));
  set32(lane + LANE_FREE, <u32>task);
  set32(task + TASK_PAYLOAD, 0);
  poke64(task + TASK_STATE, TASK_FREE); // reapers look at it at any time
}

/** The message of a collected task's result has been read. */
export function task_release(lane: usize, task: usize): void {
  enter();
  release(lane, task);
  leave();
}

/** Ends a task of this lane that this thread itself runs, and has accepted the arguments of: whoever has spawned it is told by other means. */
export function task_conclude(lane: usize, task: usize): void {
  enter();
  set32(lane + LANE_LIVE, get32(lane + LANE_LIVE) - 1);
  release(lane, task);
  leave();
}

/** Asks for the end of a task of our lane: QUEUED (it will not begin), RUNNING (who runs it is told), or what it is by now. */
export function task_cancel(task: usize): u32 {
  // Dekker with who takes it: we set the flag, then look who runs it; it says that it runs it, then looks at the flag.
  store32(task + TASK_CANCEL, 1);
  const state = load64(task + TASK_STATE);
  if (<u32>state != TASK_RUNNING && <u32>state != TASK_BLOCKED) return <u32>state;
  const runtime = <usize>get32(<usize>get32(task + TASK_LANE) + LANE_RUNTIME);
  const workers = load32(runtime + RUNTIME_WORKERS);
  for (let i: u32 = 0; i < workers; i++) {
    const lane = <usize>load32(runtime + RUNTIME_LANES + (i << 2));
    if (lane == 0 || load32(lane + LANE_OWNER) != <u32>(state >> 32)) continue;
    enter();
    add32(lane + LANE_CANCELS, 1);
    tell(lane);
    leave();
  }
  return <u32>state;
}
