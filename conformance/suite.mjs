// Runs tests of the public suite against one address and prints their raw results as JSON.
// A process of its own, since the suite keeps its results in global variables:
//   node suite.mjs FOLDER_OF_NODE_MODULES BASE_URL TESTS_AT_ONCE [ID ...]

import { loadSuite } from './load.mjs'

const [modules, base, atOnce, ...ids] = process.argv.slice(2)
const { tests, runner, fetch } = await loadSuite(modules)

const wanted = tests
  .map(suite => ({ ...suite, tests: suite.tests.filter(t => ids.length === 0 || ids.includes(t.id)) }))
  .filter(suite => suite.tests.length > 0)

// The suite reports on the console; only our JSON may be on standard output.
console.log = console.error
await runner.runTests(wanted, fetch, false, base, Number(atOnce))
process.stdout.write(JSON.stringify(runner.getResults()))
