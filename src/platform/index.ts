// Chosen by the `imports` map of package.json.
export { platform } from '#platform'
