// Message: bytes of any number on their way from one thread to another, in a block of the arena.
//
// Who may call: the thread in whose hands the message is.
//
// A message is in exactly one place: in the hands of a thread (the list THREAD_MESSAGES), with a waiter (LINKED_MESSAGE: of a sender before it is
// sent, of a receiver after), or in the ring of a channel. It goes from one place to the next within one section: that of the send, of the
// receive, or of the hand-over from sender to receiver. It is out of the sender's list before anybody can find it. What finds no block large enough is a chain of blocks, of which only the first is in
// those places.
//
//   ┌ header: own next, own prev, chain, class ┬ payload …
//   0                                          32 or 64
//
// Progress: as the allocator. A kill leaves messages in the list and with the waiters of the dead, where the reaper finds them.

import { arena_put, grab, settled } from "./arena.ts";
import { enter, get32, get64, leave, poke32, set32 } from "./atomics.ts";
import {
  CELL_MAX, CHANNEL_WIDE, CLASS_SHIFT, HEAD_CLASS, HEAD_KIND, KIND_FREE, KIND_MESSAGE, LINE, LINKED_MESSAGE, MESSAGE_CHAIN, MESSAGE_LARGE, MESSAGE_OWN_NEXT, MESSAGE_OWN_PREV, MESSAGE_SMALL, SCRATCH_BYTES, SCRATCH_STAGE, SMALL_CLASS,
  THREAD_MESSAGES, THREAD_PENDING, THREAD_SCRATCH, WAITER_LINKED, WAITER_VALUE, WIDE_CELL_SHIFT, WIDE_MESSAGE_BIT,
} from "./layout.ts";
import { self } from "./thread.ts";

if (SCRATCH_STAGE + CELL_MAX > SCRATCH_BYTES) ERROR("the scratch block is too small");
if (MESSAGE_SMALL + 8 > LINE || 1 << CLASS_SHIFT != LINE) ERROR("a message does not fit the smallest block");

/** Whether the values of the channel are messages. */
// @ts-ignore: decorator
@inline export function carriesMessages(ch: usize): bool { return (get32(ch + CHANNEL_WIDE) & WIDE_MESSAGE_BIT) != 0; }

/** Bytes of the channel's cells; 0 if it has none. */
// @ts-ignore: decorator
@inline export function cellBytes(ch: usize): u32 { return get32(ch + CHANNEL_WIDE) >> WIDE_CELL_SHIFT; }

/** Where the calling thread leaves a message that goes into a cell, and finds one that has come out of it. */
// @ts-ignore: decorator
@inline export function stage(): usize { return <usize>get32(self + THREAD_SCRATCH) + SCRATCH_STAGE; }

/** The block of a message, from its value or from the address of its payload: blocks begin at multiples of LINE. */
// @ts-ignore: decorator
@inline function blockOf(value: u64): usize { return <usize><u32>value & ~(LINE - 1); }

/** Takes a message into the hands of the calling thread. Straight-line: inside the section that takes it from where it was. */
// @ts-ignore: decorator
@inline export function own(value: u64): void {
  const block = blockOf(value);
  const first = <usize>get32(self + THREAD_MESSAGES); // plain: the list is ours
  set32(block + MESSAGE_OWN_NEXT, <u32>first);
  set32(block + MESSAGE_OWN_PREV, 0);
  if (first != 0) set32(first + MESSAGE_OWN_PREV, <u32>block);
  set32(self + THREAD_MESSAGES, <u32>block);
}

/** Takes a message out of the hands of the calling thread. Straight-line: inside the section that puts it elsewhere. */
// @ts-ignore: decorator
@inline export function disown(value: u64): void {
  const block = blockOf(value);
  const next = <usize>get32(block + MESSAGE_OWN_NEXT);
  const prev = <usize>get32(block + MESSAGE_OWN_PREV);
  if (next != 0) set32(next + MESSAGE_OWN_PREV, <u32>prev);
  if (prev != 0) set32(prev + MESSAGE_OWN_NEXT, <u32>next);
  else set32(self + THREAD_MESSAGES, <u32>next);
}

/** Room for a message of that many bytes, in one block: the address of its payload; 0 if there is none. */
export function message_take(bytes: u32): usize {
  const large = bytes > <u32>((LINE << SMALL_CLASS) - MESSAGE_SMALL);
  // Blocks of one line are left to waiters: a send that waits for memory needs one itself, and would not find it among messages.
  const block = grab(max(bytes + (large ? MESSAGE_LARGE : MESSAGE_SMALL), LINE + 1), 1, true) & ~1;
  if (block == 0) return 0;
  const payload = block + (get32(block + HEAD_CLASS) > <u32>SMALL_CLASS ? MESSAGE_LARGE : MESSAGE_SMALL);
  set32(block + MESSAGE_CHAIN, 0);
  poke32(block + HEAD_KIND, KIND_MESSAGE); // racing with arena_check of a forged handle
  enter();
  own(payload);
  settled();
  leave();
  return payload;
}

/** Makes a message, both in our hands, go on with another one, of a single block: its bytes come directly after those of the first block. */
export function message_append(message: usize, more: usize): void {
  const first = blockOf(message);
  const second = blockOf(more);
  enter();
  disown(more);
  set32(second + MESSAGE_CHAIN, get32(first + MESSAGE_CHAIN));
  set32(first + MESSAGE_CHAIN, <u32>second);
  leave();
}

/** Frees a message in our hands. */
export function message_free(message: usize): void {
  let block = blockOf(message);
  while (true) {
    const rest = <usize>get32(block + MESSAGE_CHAIN);
    enter();
    disown(block);
    if (rest != 0) own(rest);
    set32(self + THREAD_PENDING, <u32>block);
    poke32(block + HEAD_KIND, KIND_FREE);
    leave();
    arena_put(block);
    if (rest == 0) return;
    block = rest;
  }
}

/** Takes the message that belongs to one of our waiters, which is in no queue, into our hands, if there is one. */
export function message_reclaim(w: usize): void {
  if (!(get32(w + WAITER_LINKED) & LINKED_MESSAGE)) return;
  enter();
  own(get64(w + WAITER_VALUE));
  set32(w + WAITER_LINKED, 0);
  leave();
}

/** Frees all messages in the hands of a dead thread. The caller is its reaper. */
export function message_inherit(dead: usize): void {
  while (true) {
    const block = <usize>get32(dead + THREAD_MESSAGES);
    if (block == 0) return;
    const next = <usize>get32(block + MESSAGE_OWN_NEXT);
    enter();
    if (next != 0) set32(next + MESSAGE_OWN_PREV, 0);
    set32(dead + THREAD_MESSAGES, <u32>next);
    own(block);
    leave();
    message_free(block);
  }
}
