// Walks a folder and packs the text of its files into messages: others count one while the next is being filled.

import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { FOLD } from './words.js'

/** Bytes of the largest message. With its header it fits a block of 256 KiB. */
export const LARGEST = 250_000
const NEWLINE = 10
/** A file is taken for binary if there is a zero byte among its first ones, as git does it. */
const SNIFF = 8192

/** The paths of all files below the folder. Links are not followed. */
export function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (entry.isFile()) yield path
  }
}

/**
 * Reads the text files among `paths` into messages. `reserve()` gives one to be filled: it has `bytes` and is sent by
 * `commit(length)`; both may be promises. Every message ends with a separator, so no word is cut in two; only a word
 * that is longer than a message is. Resolves with how many files and bytes of text there were, and how many files could
 * not be opened.
 */
export async function pack(paths, reserve, progress = () => {}) {
  let files = 0
  let bytes = 0
  let unreadable = 0
  let message = await reserve()
  let text = message.bytes
  let used = 0

  // Sends the message up to its last separator, and begins the next with what comes after that.
  const turn = async () => {
    let cut = used
    while (cut > 0 && FOLD[text[cut - 1]] !== 0) cut--
    if (cut === 0) {
      cut = used
      text[cut++] = NEWLINE
    }
    const next = await reserve()
    next.bytes.set(text.subarray(cut, used))
    await message.commit(cut)
    used = Math.max(0, used - cut)
    message = next
    text = next.bytes
  }

  for (const path of paths) {
    if (LARGEST - used <= SNIFF) await turn()
    let file
    try {
      file = openSync(path)
      let size = 0
      for (;;) {
        // One byte stays free for the separator after the file's last word.
        const read = readSync(file, text, used, LARGEST - 1 - used)
        if (read === 0) break
        if (size === 0 && text.subarray(used, used + Math.min(read, SNIFF)).includes(0)) break
        size += read
        used += read
        if (used === LARGEST - 1) await turn()
      }
      if (size > 0) {
        text[used++] = NEWLINE
        files++
        bytes += size
      }
    } catch (error) {
      if (file !== undefined) throw error
      unreadable++
    } finally {
      if (file !== undefined) closeSync(file)
    }
    progress(bytes)
  }
  await message.commit(used)
  return { files, bytes, unreadable }
}
