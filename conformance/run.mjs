// Runs the public HTTP cache tests against the real binary and compares with what it could before.
//
//   node conformance/run.mjs [--binary PATH] [--update] [--only ID,ID] [--peer nginx|haproxy|varnish]
//
// Without --update the baseline is only read; a test that passed before and fails now is tried once more, alone.
// With --peer the same tests run against another cache and nothing is judged.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { here, installed, loadSuite, target } from './load.mjs'
import { peerNames, startLarder, startPeer, startServer, versionCommand } from './proxies.mjs'
import { good, markdown, optimalPercent, problems, readExceptions, score, summary } from './score.mjs'

const testsAtOnce = 100
const alone = 1
const suiteTimeoutMs = 300_000

const { values: options } = parseArgs({
  options: {
    binary: { type: 'string', default: join(target, 'fast', 'larder') },
    update: { type: 'boolean', default: false },
    only: { type: 'string' },
    peer: { type: 'string' }
  }
})
if (options.peer && !peerNames.includes(options.peer)) fail(`--peer is one of ${peerNames.join(', ')}`)
if (!options.peer && !existsSync(options.binary)) fail('there is no such binary: cargo build --profile fast -p larder')

const modules = installed()
const suite = await loadSuite(modules)
const version = JSON.parse(readFileSync(join(modules, 'node_modules/http-cache-tests/package.json'))).version
const origin = await startServer(modules)
const port = await (options.peer ? startPeer(options.peer, origin) : startLarder(options.binary, origin))

const only = options.only?.split(',') ?? []
const raw = await run(testsAtOnce, only)
if (only.length > 0) {
  for (const test of score(suite, raw).filter(t => only.includes(t.id))) console.log(`${test.id}: ${test.verdict} ${test.message}`)
  process.exit(0)
}
if (options.peer) reportPeer()
else await reportLarder()

/** Not spawnSync: what the servers write has to be read meanwhile, or they stop. */
async function run (atOnce, ids) {
  const args = ['--no-warnings', join(here, 'suite.mjs'), modules, `http://localhost:${port}`, String(atOnce), ...ids]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: suiteTimeoutMs })
  let out = ''
  child.stdout.on('data', data => { out += data })
  const [code] = await once(child, 'close')
  if (code !== 0) fail('the suite itself failed or did not end in time')
  return JSON.parse(out)
}

async function reportLarder () {
  const baselineFile = join(here, 'baseline.json')
  const baseline = existsSync(baselineFile) ? JSON.parse(readFileSync(baselineFile)).verdicts : {}
  const exceptions = readExceptions()
  const again = score(suite, raw).filter(t => !good(t.verdict) && (good(baseline[t.id]) || t.kind === 'required') && !exceptions[t.id])
  if (again.length > 0 && again.length <= 20) {
    console.log(`once more, alone: ${again.map(t => t.id).join(' ')}`)
    const { results, statuses } = await run(alone, again.map(t => t.id))
    Object.assign(raw.results, results)
    Object.assign(raw.statuses, statuses)
  }
  const scored = score(suite, raw)
  writeJson(join(here, 'results.json'), scored)
  console.log(`http-cache-tests ${version}: ${summary(scored)}; ${optimalPercent(scored).toFixed(1)} % of the optimal ones`)
  const better = scored.filter(t => good(t.verdict) && baseline[t.id] !== undefined && !good(baseline[t.id]))
  if (better.length > 0 && !options.update) console.log(`better than the baseline (commit it with --update): ${better.map(t => t.id).join(' ')}`)
  if (options.update) {
    const verdicts = Object.fromEntries(scored.map(t => [t.id, t.verdict]))
    writeJson(baselineFile, { suite: `http-cache-tests ${version}`, verdicts })
    writeFileSync(join(here, 'RESULTS.md'), markdown(scored, exceptions, version))
  }
  const wrong = problems(scored, exceptions, options.update ? {} : baseline)
  wrong.forEach(line => console.log(`FAIL ${line}`))
  const passed = scored.filter(t => t.kind !== 'check' && good(t.verdict)).length
  console.log(`${passed} passed, ${wrong.length} failed`)
  process.exit(wrong.length > 0 ? 1 : 0)
}

function reportPeer () {
  const scored = score(suite, raw)
  const [command, flag] = versionCommand(options.peer)
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
  const asked = spawnSync(command, [flag], { env, encoding: 'utf8' })
  const release = `${asked.stdout}${asked.stderr}`.match(/\d+\.\d+\.\d+/)?.[0] ?? ''
  writeJson(join(here, `results-${options.peer}.json`), scored)
  console.log(`${options.peer} ${release}: ${summary(scored)}`)
  if (options.update) writeJson(join(here, 'peers', `${options.peer}.json`), { release, suite: `http-cache-tests ${version}`, verdicts: Object.fromEntries(scored.map(t => [t.id, t.verdict])) })
  process.exit(0)
}

function writeJson (file, value) {
  writeFileSync(file, JSON.stringify(value, null, 1) + '\n')
}

function fail (message) {
  console.error(`conformance: ${message}`)
  process.exit(2)
}
