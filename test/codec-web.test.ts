// The codecs where the platform does not help: the built package with the platform of browsers, held against the one of this Node.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as here from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { platform as node } from '../dist/platform/node.js'
import { platform as web } from '../dist/platform/web.js'
import { places } from './support/codecs.js'
import { random } from './support/random.js'

// The package chooses the platform by its `imports` map, which Node reads in its own way: so a copy of the bundle names the other one.
const folder = fileURLToPath(new URL('../build/web', import.meta.url))
const path = `${folder}/${process.pid}.mjs`
mkdirSync(folder, { recursive: true })
const bundle = readFileSync(new URL('../dist/index.js', import.meta.url), 'utf8')
const other = bundle.replaceAll('#platform', new URL('../dist/platform/web.js', import.meta.url).href)
writeFileSync(path, other)
const there = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as typeof here

afterAll(() => rmSync(path))

const LENGTHS = [
  0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 24, 25, 31, 32, 33, 64, 65, 96, 128, 129, 1000, 2047, 2048, 4096, 70_000,
]
const ALPHABETS = {
  ASCII: 'abcXYZ 019',
  'Latin-1': 'aéÿ',
  mixed: 'aé€\u{1f600}',
  replacement: 'a\ufffd',
  lone: 'é\ud800\udc00a\udfff',
}

describe('without the help of the platform', () => {
  test('the copy is one of the web', () => {
    expect(other).not.toBe(bundle)
    expect(web.native).toBeUndefined()
    expect(node.native).toBeDefined()
  })

  const { below } = random('two platforms')
  const sides = [here, there] as const

  test.each(Object.entries(ALPHABETS))('strings are the same bytes, and read the same: %s', (_, alphabet) => {
    for (const length of LENGTHS) {
      let value = ''
      while (value.length < length) value += alphabet[below(alphabet.length)]
      for (const place of places(3 * length + 64)) {
        const messages = sides.map(({ string }) => {
          const end = string.encode(value, place, 8, 8 + string.measure(value))
          for (const reader of sides) expect(reader.string.decode(place, 8, end) === value).toBe(true)
          return place.u8.slice(8, end)
        })
        expect(messages[0]).toEqual(messages[1])
      }
    }
  })

  test('bytes', () => {
    for (const length of LENGTHS) {
      const value = Uint8Array.from({ length }, () => below(256))
      for (const place of places(length + 64)) {
        for (const writer of sides) {
          place.u8.fill(0)
          expect(writer.bytes.encode(value, place, 8, 8 + length)).toBe(8 + length)
          for (const reader of sides) expect(reader.bytes.decode(place, 8, 8 + length)).toEqual(value)
        }
      }
    }
  })

  test('a channel', () => {
    const ch = there.channel(there.struct({ id: there.u32, name: there.fixedString(8) }), { capacity: 2 })
    expect(ch.trySend({ id: 1, name: 'first' })).toBe(true)
    expect(ch.tryReceive()).toEqual({ id: 1, name: 'first' })
    ch.dispose()
  })
})

describe.each([node, web])('$name', ({ unique }) => {
  test('never draws the same twice', () => {
    const drawn = Array.from({ length: 1000 }, () => unique())
    expect(new Set(drawn.map(String)).size).toBe(1000)
    for (const words of drawn) for (const word of words) expect(word >>> 0).toBe(word)
  })
})
