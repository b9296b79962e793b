// What of msgpackr is used, in the form that scripts/bundle.mjs gives it: a function that makes the library.

declare module 'msgpackr/unpack-no-eval' {
  export interface Unpackr {
    unpack(bytes: Uint8Array, end: number): unknown
  }

  export function makeMsgpackr(): {
    Unpackr: new (options: object) => Unpackr
    C1: object
    addExtension(extension: { type: number; read?: (value: unknown) => unknown; unpack?: () => never }): void
  }
}
