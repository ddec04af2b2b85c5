// Runs tests of the public suite against one address and prints their raw results as JSON.
// A process of its own, since the suite keeps its results in global variables:
//   node suite.mjs FOLDER_OF_NODE_MODULES BASE_URL TESTS_AT_ONCE [ID ...]

import { loadSuite } from './load.mjs'

const [modules, base, atOnce, ...ids] = process.argv.slice(2)
const { tests, runner, uuids, fetch } = await loadSuite(modules)

const wanted = tests
  .map(suite => ({ ...suite, tests: suite.tests.filter(t => ids.length === 0 || ids.includes(t.id)) }))
  .filter(suite => suite.tests.length > 0)

// What the client got, per test: where the suite can't tell a right error from a wrong answer, we do.
const seen = new Map()
async function recordingFetch (url, init) {
  const response = await fetch(url, init)
  const [, kind, uuid] = new URL(url).pathname.split('/')
  if (kind === 'test') seen.set(uuid, [...(seen.get(uuid) ?? []), response.status])
  return response
}

// The suite reports on the console; only our JSON may be on standard output.
console.log = console.error
await runner.runTests(wanted, recordingFetch, false, base, Number(atOnce))
const statuses = Object.fromEntries(Object.entries(uuids).map(([id, uuid]) => [id, seen.get(uuid) ?? []]))
process.stdout.write(JSON.stringify({ results: runner.getResults(), statuses }))
