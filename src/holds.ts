// Signals that somebody waits on, and what must go on meanwhile: the timer of a context keeps the process alive only while somebody waits for it.

/** Called when somebody begins to wait; returns what is called at the end of the wait. */
export const holds = new WeakMap<AbortSignal, () => () => void>()
