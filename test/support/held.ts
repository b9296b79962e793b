/** A task that runs until it is let go. */
export function held(): { task(): Promise<void>; release(): void } {
  let release!: () => void
  const gone = new Promise<void>((resolve) => {
    release = resolve
  })
  return { task: () => gone, release }
}
