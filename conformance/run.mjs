// Runs the public HTTP cache tests against the real binary and compares with what it could before.
//
//   node conformance/run.mjs [--binary PATH] [--update] [--only ID,ID] [--layers | --peer nginx|haproxy|varnish]
//
// Without --update the baseline is only read; a test that passed before and fails now is tried once more, alone.
// With --layers it is examples/proxy.rs that is tested, a hyper server of CacheLayer and a client, against the same
// baseline: what differs from the binary has to be named in EXCEPTIONS.md, for the better as for the worse.
// With --peer the same tests run against another cache and nothing is judged.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { here, installed, loadSuite, target } from './load.mjs'
import { peerNames, startLarder, startLayers, startPeer, startServer, versionCommand } from './proxies.mjs'
import { differences, good, markdown, optimalPercent, problems, readDifferences, readExceptions, score, summary } from './score.mjs'

const testsAtOnce = 100
const alone = 1
const suiteTimeoutMs = 300_000

const { values: options } = parseArgs({
  options: {
    binary: { type: 'string' },
    layers: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
    only: { type: 'string' },
    peer: { type: 'string' }
  }
})
if (options.peer && !peerNames.includes(options.peer)) fail(`--peer is one of ${peerNames.join(', ')}`)
const [name, crate] = options.layers ? ['example-proxy', 'larder-examples'] : ['larder', 'larder']
const binary = options.binary ?? join(target, 'fast', name)
if (!options.peer && !existsSync(binary)) fail(`there is no ${binary}: cargo build --profile fast -p ${crate}`)

const modules = installed()
const suite = await loadSuite(modules)
const version = JSON.parse(readFileSync(join(modules, 'node_modules/http-cache-tests/package.json'))).version
const origin = await startServer(modules)
const port = await (options.peer ? startPeer(options.peer, origin) : options.layers ? startLayers(binary, origin) : startLarder(binary, origin))

const only = options.only?.split(',') ?? []
const raw = await run(testsAtOnce, only)
if (only.length > 0) {
  for (const test of score(suite, raw).filter(t => only.includes(t.id))) console.log(`${test.id}: ${test.verdict} ${test.message}`)
  process.exit(0)
}
if (options.peer) reportPeer()
else if (options.layers) await reportLayers()
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
  await onceMore(score(suite, raw).filter(t => !good(t.verdict) && (good(baseline[t.id]) || t.kind === 'required') && !exceptions[t.id]))
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

/** What surprises is tried alone, where nothing else keeps the machine busy. */
async function onceMore (surprises) {
  if (surprises.length === 0 || surprises.length > 20) return
  console.log(`once more, alone: ${surprises.map(t => t.id).join(' ')}`)
  const { results, statuses } = await run(alone, surprises.map(t => t.id))
  Object.assign(raw.results, results)
  Object.assign(raw.statuses, statuses)
}

async function reportLayers () {
  const baseline = JSON.parse(readFileSync(join(here, 'baseline.json'))).verdicts
  const expected = { ...baseline, ...readDifferences() }
  await onceMore(score(suite, raw).filter(t => good(t.verdict) !== good(expected[t.id])))
  const scored = score(suite, raw)
  writeJson(join(here, 'results-layers.json'), scored)
  console.log(`http-cache-tests ${version}, through the layers: ${summary(scored)}; ${optimalPercent(scored).toFixed(1)} % of the optimal ones`)
  const wrong = differences(scored, readExceptions(), expected, baseline)
  wrong.forEach(line => console.log(`FAIL ${line}`))
  console.log(`${scored.filter(t => t.kind !== 'check' && good(t.verdict)).length} passed, ${wrong.length} failed`)
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
