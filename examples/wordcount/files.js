// Walks a folder and packs the text of its files into segments: pieces of memory that others count while the next is
// being filled.

import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { FOLD } from './words.js'

export const SEGMENT = 2 ** 18
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
 * Reads the text files among `paths` into segments of `memory`. `take()` gives the number of a free segment, or a
 * promise of it; `give(segment, length)` gets it back filled. Every segment ends with a separator, so no word is cut
 * in two; only a word that is longer than a segment is. Resolves with how many files and bytes of text there were, and
 * how many files could not be opened.
 */
export async function pack(paths, memory, { take, give, progress = () => {} }) {
  let files = 0
  let bytes = 0
  let unreadable = 0
  let segment = await take()
  let start = segment * SEGMENT
  let used = 0

  // Hands the segment over up to its last separator, and begins the next with what comes after that.
  const turn = async () => {
    let cut = used
    while (cut > 0 && FOLD[memory[start + cut - 1]] !== 0) cut--
    if (cut === 0) {
      cut = used
      memory[start + cut++] = NEWLINE
    }
    const next = await take()
    memory.copyWithin(next * SEGMENT, start + cut, start + used)
    await give(segment, cut)
    used = Math.max(0, used - cut)
    segment = next
    start = segment * SEGMENT
  }

  for (const path of paths) {
    if (SEGMENT - used <= SNIFF) await turn()
    let file
    try {
      file = openSync(path)
      let size = 0
      for (;;) {
        // One byte stays free for the separator after the file's last word.
        const read = readSync(file, memory, start + used, SEGMENT - 1 - used)
        if (read === 0) break
        if (size === 0 && memory.subarray(start + used, start + used + Math.min(read, SNIFF)).includes(0)) break
        size += read
        used += read
        if (used === SEGMENT - 1) await turn()
      }
      if (size > 0) {
        memory[start + used++] = NEWLINE
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
  await give(segment, used)
  return { files, bytes, unreadable }
}
