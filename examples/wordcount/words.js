// What a word is, and how words are counted: in a hash table over bytes, because making a string of each word would
// take most of the time.
//
// A word is a run of ASCII letters and bytes above 0x7f, so that UTF-8 text works without being decoded. ASCII letters
// are lower-cased.

/** What each byte becomes: 0 for what separates words, the lower-case letter for the rest. */
export const FOLD = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  if ((byte >= 0x61 && byte <= 0x7a) || byte >= 0x80) FOLD[byte] = byte
  else if (byte >= 0x41 && byte <= 0x5a) FOLD[byte] = byte + 0x20
}

// A slot is four words; a count of 0 marks it empty.
const HASH = 0
const OFFSET = 1
const LENGTH = 2
const COUNT = 3

/** Where the search for a word begins: FNV mixes the high bits best. */
const home = (hash, last) => ((hash ^ (hash >>> 15)) << 2) & last

/** A Map with more words than this, or more bytes in them, is sent as several. */
const MAP_WORDS = 8192
const MAP_BYTES = 2 ** 16

/** Counts by word: open addressing with linear probing; the words' bytes lie one after another in `keys`. */
export class WordTable {
  #slots = new Uint32Array(4 << 14)
  #keys = new Uint8Array(1 << 17)
  /** Bytes of `keys` in use. */
  #used = 0
  /** Different words. */
  #distinct = 0

  /** Counts the words of the first `length` bytes, the last of which must be a separator. */
  countWords(bytes, length) {
    for (let i = 0; i < length; ) {
      let letter = FOLD[bytes[i]]
      if (letter === 0) {
        i++
        continue
      }
      const from = i
      let hash = 0x811c9dc5 // FNV-1a
      do {
        hash = Math.imul(hash ^ letter, 0x01000193)
        letter = FOLD[bytes[++i]]
      } while (letter !== 0)
      this.#count(bytes, from, i - from, hash >>> 0)
    }
  }

  /** The counts by word, in Maps of bounded size. Words are strings of one character per byte (Latin-1). */
  *maps() {
    const slots = this.#slots
    const keys = Buffer.from(this.#keys.buffer)
    let part = new Map()
    let bytes = 0
    for (let at = 0; at < slots.length; at += 4) {
      if (slots[at + COUNT] === 0) continue
      const start = slots[at + OFFSET]
      part.set(keys.toString('latin1', start, start + slots[at + LENGTH]), slots[at + COUNT])
      bytes += slots[at + LENGTH]
      if (part.size === MAP_WORDS || bytes > MAP_BYTES) {
        yield part
        part = new Map()
        bytes = 0
      }
    }
    if (part.size > 0) yield part
  }

  /** Counts the word at `from`, in any case of letters. `hash` is that of the lower-cased word. */
  #count(bytes, from, length, hash) {
    const slots = this.#slots
    const last = slots.length - 4
    let at = home(hash, last)
    while (slots[at + COUNT] !== 0) {
      const same = slots[at + HASH] === hash && slots[at + LENGTH] === length
      if (same && this.#equals(slots[at + OFFSET], bytes, from, length)) {
        slots[at + COUNT]++
        return
      }
      at = (at + 4) & last
    }
    slots[at + HASH] = hash
    slots[at + OFFSET] = this.#keep(bytes, from, length)
    slots[at + LENGTH] = length
    slots[at + COUNT] = 1
    if (++this.#distinct * 8 > slots.length) this.#grow()
  }

  #equals(offset, bytes, from, length) {
    const keys = this.#keys
    for (let i = 0; i < length; i++) if (keys[offset + i] !== FOLD[bytes[from + i]]) return false
    return true
  }

  #keep(bytes, from, length) {
    const offset = this.#used
    this.#used += length
    if (this.#used > this.#keys.length) {
      const keys = new Uint8Array(Math.max(this.#keys.length * 2, this.#used))
      keys.set(this.#keys)
      this.#keys = keys
    }
    for (let i = 0; i < length; i++) this.#keys[offset + i] = FOLD[bytes[from + i]]
    return offset
  }

  #grow() {
    const old = this.#slots
    const slots = new Uint32Array(old.length * 2)
    const last = slots.length - 4
    for (let from = 0; from < old.length; from += 4) {
      if (old[from + COUNT] === 0) continue
      let at = home(old[from + HASH], last)
      while (slots[at + COUNT] !== 0) at = (at + 4) & last
      for (let i = 0; i < 4; i++) slots[at + i] = old[from + i]
    }
    this.#slots = slots
  }
}

/** The `n` most frequent words as [word, count], the most frequent first, then in alphabetical order. */
export function top(counts, n) {
  const order = ([word, count], [other, more]) => more - count || (word < other ? -1 : 1)
  const found = [...counts].sort(order).slice(0, n)
  return found.map(([word, count]) => [Buffer.from(word, 'latin1').toString(), count])
}
