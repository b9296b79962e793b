// Mutants of atomic values and maps.

import { type Mutant, mutant } from './mutant.js'

const CAS =
  'if (cas32(shard + SHARD_VERSION, version, version + 1) != version) {\n    leave();\n    return RETRY;\n  }\n'
/** What each change begins with, and what makes it another one. */
const PUT = `${CAS}  if (node != 0) {`
const REMOVE = `${CAS}  if (old != 0) {\n    unhang(blockAt(old));\n    own(old);\n  }\n  // No search`
const REBUILD = `${CAS}  disown(fresh);\n  if (old != 0) {`
const blind = (change: string): string =>
  change.replace(
    'cas32(shard + SHARD_VERSION, version, version + 1) != version',
    'cas32(shard + SHARD_VERSION, load32(shard + SHARD_VERSION) & ~1, version + 1) & 1',
  )
const torn = (change: string): string =>
  change.replace('return RETRY;\n  }\n', 'return RETRY;\n  }\n  leave();\n  enter();\n')

export const mapMutants: readonly Mutant[] = [
  mutant(
    'value stored at any version',
    'what was compared need not be there any more',
    'atomic-value.ts',
    'const version = get32(cursor() + CURSOR_VERSION);',
    'const version = load32(o + VALUE_VERSION) & ~1;',
    'atomic value/compare and swap',
    'atomic value/two updates',
  ),
  mutant(
    'value without a new version',
    'a load does not learn that the message was replaced',
    'atomic-value.ts',
    'store32(o + VALUE_VERSION, version + 2);',
    'store32(o + VALUE_VERSION, version);',
    'atomic value/load against swap',
    'atomic value/compare and swap, there and back',
  ),
  mutant(
    'value replaced, not taken',
    'the old message is in nobody’s hands',
    'atomic-value.ts',
    '    unhang(old);\n    own(old);\n',
    '    unhang(old);\n',
    'atomic value/two swaps',
  ),
  mutant(
    'value stored in two steps',
    'a kill leaves the version odd',
    'atomic-value.ts',
    '  const old = blockAt(<usize><u32>load64(o + VALUE_WORD));',
    '  leave();\n  enter();\n  const old = blockAt(<usize><u32>load64(o + VALUE_WORD));',
    'atomic value/swapper killed',
  ),
  mutant(
    'copy without a second look',
    'bytes that others write to are taken for the value',
    'cursor.ts',
    'peekInOrder64(from + k));\n  return load32(get32(c + CURSOR_GUARD)) == get32(c + CURSOR_VERSION) ? OK : RETRY;',
    'peekInOrder64(from + k));\n  return OK;',
    'atomic value/load against swap',
    'map/nodes, get against set',
  ),
  mutant(
    'block taken off without its other link',
    'the block after it is still linked to it',
    'cursor.ts',
    'if (next != 0) set32(next + MESSAGE_OWN_PREV, <u32>prev);',
    '',
    'map/nodes, two shards',
    'map/nodes, deleter killed',
    'map/nodes, clear against set',
  ),
  mutant(
    'search without a second look',
    'what was read at different versions is taken together',
    'sharded-map.ts',
    'if (moved || load32(shard + SHARD_VERSION) != version) continue;',
    'if (moved) continue;',
    'map/grow against get',
    'map/get of another key',
    'map/two deletes',
  ),
  mutant(
    'search in the middle of a change',
    'an odd version is not waited for',
    'sharded-map.ts',
    'if (version & 1) {\n      if (relax(tries++)) return BUSY;\n      continue;\n    }\n    const table',
    'const table',
    'map/two adds',
    'map/two sets',
  ),
  mutant(
    'search ends at a removed key',
    'a key behind it is not found',
    'sharded-map.ts',
    'if (h == ENTRY_EMPTY) break;',
    'break;',
    'map/colliding keys',
  ),
  mutant(
    'removed entries always empty',
    'a search for the key behind ends there',
    'sharded-map.ts',
    'const last = <u32>peek64(next) == ENTRY_EMPTY;',
    'const last = true;',
    'map/colliding keys',
  ),
  mutant(
    'put at any version',
    'what was looked at need not be there any more',
    'sharded-map.ts',
    PUT,
    blind(PUT),
    'map/two sets',
    'map/compare and swap',
  ),
  mutant('put in two steps', 'a kill leaves the version odd', 'sharded-map.ts', PUT, torn(PUT), 'map/setter killed'),
  mutant(
    'removed at any version',
    'it may have been removed by another',
    'sharded-map.ts',
    REMOVE,
    blind(REMOVE),
    'map/two deletes',
    'map/three threads',
  ),
  mutant(
    'removed in two steps',
    'a kill leaves the version odd',
    'sharded-map.ts',
    REMOVE,
    torn(REMOVE),
    'map/nodes, deleter killed',
  ),
  mutant(
    'table replaced at any version',
    'what was stored meanwhile is lost',
    'sharded-map.ts',
    REBUILD,
    blind(REBUILD),
    'map/grow against set',
    'map/two grow',
  ),
  mutant(
    'old table kept',
    'it is in nobody’s hands',
    'sharded-map.ts',
    '    unhang(blockAt(old));\n    own(old);\n  }\n  hang(shard, blockAt(fresh));',
    '    unhang(blockAt(old));\n  }\n  hang(shard, blockAt(fresh));',
    'map/two grow',
  ),
  mutant(
    'replaced node kept on the map',
    'its memory is freed and hangs there still',
    'sharded-map.ts',
    '      unhang(blockAt(old));\n      own(old);\n    }\n    hang(shard, blockAt(node));',
    '      own(old);\n    }\n    hang(shard, blockAt(node));',
    'map/nodes, two sets',
  ),
  mutant(
    'clear takes too much',
    'the next shard is freed with the nodes',
    'sharded-map.ts',
    '  set32(last + MESSAGE_CHAIN, 0);\n',
    '',
    'map/nodes, clear against set',
  ),
  mutant(
    'entries in use not counted',
    'the table is thought to have room',
    'sharded-map.ts',
    '    if (fresh) poke32(shard + SHARD_USED, peek32(shard + SHARD_USED) + 1);\n',
    '',
    'map/two sets',
  ),
  mutant(
    'disposed of without hands',
    'the handles are stale, and nobody has the blocks',
    'atomic-value.ts',
    '  own(o);\n  leave();',
    '  leave();\n  enter();\n  own(o);\n  leave();',
    'map/nodes, disposer killed',
  ),
]
