// From raw results to verdicts, tables and the comparison with the baseline.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { here } from './load.mjs'

// What the suite's own scorer shows for each verdict.
const verdicts = { '✅': 'pass', '⛔️': 'fail', '⚠️': 'fail', Y: 'yes', N: 'no', '🔹': 'setup', '⁉️': 'harness', '⚪️': 'dependency', '↻': 'retry', '-': 'untested' }
export const good = verdict => verdict === 'pass' || verdict === 'yes'

/** [{ id, suite, kind, verdict, statuses, message }] in the suite's order. */
export function score (suite, { results: raw, statuses }) {
  return suite.tests.flatMap(group => group.tests.filter(t => !t.browser_only).map(test => ({
    id: test.id,
    suite: group.name,
    kind: test.kind || 'required',
    verdict: verdicts[suite.display.determineTestResult(suite.tests, test.id, raw)[2]],
    statuses: statuses[test.id] ?? [],
    message: Array.isArray(raw[test.id]) ? raw[test.id].join(': ') : ''
  })))
}

/** { id: { kind, reason, faulty } } out of the tables in EXCEPTIONS.md. */
export function readExceptions () {
  const rows = readFileSync(join(here, 'EXCEPTIONS.md'), 'utf8').matchAll(/^\| `([^`]+)` \| (required|optimal|check)(, faulty)? \| (.+) \|$/gm)
  return Object.fromEntries([...rows].map(([, id, kind, faulty, reason]) => [id, { kind, reason, faulty: Boolean(faulty) }]))
}

/** { id: verdict } of what the layers do otherwise than the binary: the table with a verdict in its third column. */
export function readDifferences () {
  const rows = readFileSync(join(here, 'EXCEPTIONS.md'), 'utf8').matchAll(/^\| `([^`]+)` \| (?:required|optimal|check) \| (\w+) \| .+ \|$/gm)
  return Object.fromEntries([...rows].map(([, id, verdict]) => [id, verdict]))
}

/** Where the layers do not do what is expected of them, a line each. */
export function differences (scored, exceptions, expected, baseline) {
  const found = []
  const known = new Map(scored.map(t => [t.id, t]))
  for (const test of scored) {
    const [now, then] = [good(test.verdict), good(expected[test.id])]
    if (now && !then) found.push(`${test.id} (${test.kind}) passes: expected was ${expected[test.id]}`)
    if (!now && then) found.push(`${test.id} (${test.kind}): ${test.verdict} ${test.message}`)
  }
  for (const [id, verdict] of Object.entries(expected)) {
    if (!known.has(id)) found.push(`EXCEPTIONS.md names ${id}, which is no test`)
    else if (baseline[id] !== verdict && good(baseline[id]) === good(verdict)) found.push(`${id}: the binary does the same`)
  }
  for (const id of Object.keys(exceptions).filter(id => exceptions[id].faulty)) {
    const last = known.get(id)?.statuses.at(-1)
    if (!(last >= 500)) found.push(`${id}: the client got ${last} and not an error`)
  }
  return found
}

export function count (scored, kind, suite) {
  const all = scored.filter(t => t.kind === kind && (suite === undefined || t.suite === suite))
  return { passed: all.filter(t => good(t.verdict)).length, total: all.length }
}

const requiredExceptionsMax = 3
const optimalPercentMin = 92

/** What must not be so, a line each. */
export function problems (scored, exceptions, baseline) {
  const found = []
  const known = new Map(scored.map(t => [t.id, t]))
  for (const [id, { kind }] of Object.entries(exceptions)) {
    if (!known.has(id)) found.push(`EXCEPTIONS.md names ${id}, which is no test`)
    else if (known.get(id).kind !== kind) found.push(`EXCEPTIONS.md calls ${id} ${kind}, it is ${known.get(id).kind}`)
    else if (good(known.get(id).verdict)) found.push(`${id} passes: take it off EXCEPTIONS.md`)
  }
  // A faulty test wants an answer where the RFC wants an error: the error is what is looked for.
  for (const id of Object.keys(exceptions).filter(id => exceptions[id].faulty)) {
    const last = known.get(id)?.statuses.at(-1)
    if (!(last >= 500)) found.push(`${id}: the client got ${last} and not an error`)
  }
  if (Object.values(exceptions).filter(e => e.kind === 'required' && !e.faulty).length > requiredExceptionsMax) {
    found.push(`EXCEPTIONS.md excuses more than ${requiredExceptionsMax} required tests`)
  }
  for (const test of scored) {
    if (good(test.verdict)) continue
    if (good(baseline[test.id])) found.push(`${test.id} (${test.kind}) passed before: ${test.verdict} ${test.message}`)
    else if (test.kind === 'required' && !exceptions[test.id]) found.push(`${test.id} is required: ${test.verdict} ${test.message}`)
  }
  const optimal = optimalPercent(scored)
  if (optimal < optimalPercentMin) found.push(`${optimal.toFixed(1)} % of the optimal tests pass, at least ${optimalPercentMin} % have to`)
  return found
}

export function optimalPercent (scored) {
  const { passed, total } = count(scored, 'optimal')
  return 100 * passed / total
}

const kinds = ['required', 'optimal', 'check']

export function summary (scored) {
  return kinds.map(kind => { const c = count(scored, kind); return `${c.passed} of ${c.total} ${kind}` }).join(', ')
}

/** Other caches' counts, from what `--peer NAME --update` wrote. */
function peerRows (scored) {
  const folder = join(here, 'peers')
  return readdirSync(folder).filter(file => file.endsWith('.json')).sort().map(file => {
    const { release, verdicts } = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    const theirs = scored.map(test => ({ ...test, verdict: verdicts[test.id] }))
    return `| ${file.replace('.json', '')} ${release} | ${kinds.map(kind => cell(count(theirs, kind))).join(' | ')} |`
  })
}

const cell = c => c.total === 0 ? '' : `${c.passed} of ${c.total}`

/** The table for people. */
export function markdown (scored, exceptions, version) {
  const suites = [...new Set(scored.map(t => t.suite))]
  const row = (name, suite) => `| ${name} | ${kinds.map(kind => cell(count(scored, kind, suite))).join(' | ')} |`
  // In the order of EXCEPTIONS.md, whose reasons may speak of the one before; what is not there comes first.
  const place = test => Object.keys(exceptions).indexOf(test.id)
  const failing = scored.filter(t => !good(t.verdict) && t.kind !== 'check').sort((a, b) => place(a) - place(b))
  const lines = failing.map(t => `| \`${t.id}\` | ${t.kind} | ${exceptions[t.id]?.reason ?? (t.verdict === 'dependency' ? 'Depends on a test that does not pass.' : 'Not yet.')} |`)
  const checks = scored.filter(t => t.kind === 'check' && !good(t.verdict)).map(t => `\`${t.id}\``)
  return `# Larder and the public HTTP cache tests

Made by \`node conformance/run.mjs --update\` with http-cache-tests ${version}; \`./test conformance\` compares with it, and it may only get better.
*Required* tests are conformance, *optimal* ones what a better cache would do, *checks* tell how a cache behaves where both ways are right.

| | required | optimal | checks answered yes |
|---|---|---|---|
${row('**all**')}
${suites.map(s => row(s.replaceAll('|', '\\|'), s)).join('\n')}

## Beside others

From Debian, each with its file in \`conformance/peers/\`, by the same runner: \`node conformance/run.mjs --peer nginx --update\`.

| | required | optimal | checks answered yes |
|---|---|---|---|
${row('**Larder**')}
${peerRows(scored).join('\n')}

## Not passed

| test | kind | why |
|---|---|---|
${lines.join('\n')}

Checks answered no: ${checks.join(', ') || 'none'}.
`
}
