// Where the public suite lies and what of it is used.

import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const here = dirname(fileURLToPath(import.meta.url))
export const root = dirname(here)
export const target = process.env.CARGO_TARGET_DIR || join(root, 'target')

/** The folder with node_modules; installs what package-lock.json names when it is not there yet. */
export function installed () {
  const folder = join(target, 'conformance')
  const lock = 'package-lock.json'
  const same = existsSync(join(folder, 'node_modules')) && existsSync(join(folder, lock)) &&
    readFileSync(join(folder, lock), 'utf8') === readFileSync(join(here, lock), 'utf8')
  if (!same) {
    mkdirSync(folder, { recursive: true })
    for (const file of ['package.json', '.npmrc', lock]) copyFileSync(join(here, file), join(folder, file))
    execFileSync('npm', ['ci', '--silent'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  }
  return folder
}

/** The suite's tests, its runner, its scorer and the HTTP client it is written for. */
export async function loadSuite (modules) {
  const at = path => import(pathToFileURL(join(modules, 'node_modules/http-cache-tests', path)))
  const tests = (await at('tests/index.mjs')).default
  tests.push((await at('tests/surrogate-control.mjs')).default)
  const fetch = createRequire(join(modules, 'package.json'))('node-fetch')
  const uuids = (await at('client/test.mjs')).testUUIDs
  return { tests, fetch, uuids, runner: await at('client/runner.mjs'), display: await at('lib/display.mjs') }
}

export function suiteServer (modules) {
  return join(modules, 'node_modules/http-cache-tests/server/server.mjs')
}
