import type { Channel } from 'millrace'

// biome-ignore lint/suspicious/noExplicitAny: the types of select are tested where they are; here its cases are as mixed as can be
export type Anything = any

export interface SelectHit {
  case: string
  value: Anything
  done: boolean
}

export interface SelectOptions {
  timeout?: number
  signal?: AbortSignal
  biased?: boolean
}

/** What the suite tests. */
export interface SelectSubject {
  name: string
  select(cases: Record<string, Anything>, options?: SelectOptions): Promise<SelectHit>
  selectSync(cases: Record<string, Anything>, options?: SelectOptions): SelectHit
  trySelect(cases: Record<string, Anything>, options?: { biased?: boolean }): SelectHit | undefined
  recv(source: Anything): Anything
  send(channel: Anything, value: Anything): Anything
  /** A channel of numbers. Capacity 0 is a rendezvous. */
  channel(capacity: number): Channel<number>
}
