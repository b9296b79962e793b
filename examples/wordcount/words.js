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

/** Counts by word: open addressing with linear probing; the words' bytes lie one after another in `keys`. */
export class WordTable {
  #slots
  #keys
  /** Bytes of `keys` in use. */
  #used
  /** Different words. */
  distinct

  /** An empty table, or one over the parts that another thread has sent. */
  constructor({ slots = new Uint32Array(4 << 14), keys = new Uint8Array(1 << 17), used = 0, distinct = 0 } = {}) {
    this.#slots = slots
    this.#keys = keys
    this.#used = used
    this.distinct = distinct
  }

  /** What the table consists of; `slots` and `keys` can be transferred to another thread. */
  get parts() {
    return { slots: this.#slots, keys: this.#keys, used: this.#used, distinct: this.distinct }
  }

  /** Counts the words from `start` to `end`, where the last byte must be a separator. Returns how many there were. */
  countWords(bytes, start, end) {
    let words = 0
    for (let i = start; i < end; ) {
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
      this.add(bytes, from, i - from, hash >>> 0, 1)
      words++
    }
    return words
  }

  /** Adds what another table has counted. */
  merge(other) {
    const { slots, keys } = other.parts
    for (let at = 0; at < slots.length; at += 4) {
      if (slots[at + COUNT] === 0) continue
      this.add(keys, slots[at + OFFSET], slots[at + LENGTH], slots[at + HASH], slots[at + COUNT])
    }
  }

  /** Adds to the count of the word at `from`, in any case of letters. `hash` is that of the lower-cased word. */
  add(bytes, from, length, hash, count) {
    const slots = this.#slots
    const last = slots.length - 4
    let at = home(hash, last)
    while (slots[at + COUNT] !== 0) {
      const same = slots[at + HASH] === hash && slots[at + LENGTH] === length
      if (same && this.#equals(slots[at + OFFSET], bytes, from, length)) {
        slots[at + COUNT] += count
        return
      }
      at = (at + 4) & last
    }
    slots[at + HASH] = hash
    slots[at + OFFSET] = this.#keep(bytes, from, length)
    slots[at + LENGTH] = length
    slots[at + COUNT] = count
    if (++this.distinct * 8 > slots.length) this.#grow()
  }

  /** The `n` most frequent words as [word, count], the most frequent first, then in alphabetical order. */
  top(n) {
    const slots = this.#slots
    const counts = slots.filter((value, i) => (i & 3) === COUNT && value !== 0).sort()
    const least = counts[Math.max(0, counts.length - n)] ?? Infinity
    const found = []
    for (let at = 0; at < slots.length; at += 4) {
      if (slots[at + COUNT] === 0 || slots[at + COUNT] < least) continue
      const word = Buffer.from(this.#keys.buffer, slots[at + OFFSET], slots[at + LENGTH]).toString()
      found.push([word, slots[at + COUNT]])
    }
    return found.sort(([word, count], [other, more]) => more - count || (word < other ? -1 : 1)).slice(0, n)
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
