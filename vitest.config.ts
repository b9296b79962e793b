import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['node_modules/**', 'build/**', 'dist/**'],
    // Real processes: the tests start worker threads of their own, block, and watch what keeps a process alive.
    pool: 'forks',
    setupFiles: ['test/support/setup.ts'],
    // Nothing here waits that long unless something hangs; shared machines are slow.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is tested is the built package, as Node itself loads it.
    server: { deps: { external: [/\/dist\//] } },
  },
})
