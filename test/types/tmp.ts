import { channel, bytes, f64, string, Selector, send, recv, struct, u32 } from 'millrace'
const s = channel(string), n = channel(f64), b = channel(bytes), o = channel(struct({ id: u32 }))
const sel = new Selector({ s: send(s, 'x'), n: send(n, 1), b: send(b, new Uint8Array()), o: send(o, { id: 1 }), r: recv(s) })
sel.set('s', 'y')
sel.set('n', 2)
sel.set('b', new Uint8Array())
sel.set('o', { id: 2 })
