// Starts what is tested, and the suite's own server behind it; everything on ports the kernel chose.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { join } from 'node:path'
import { here, suiteServer, target } from './load.mjs'

const running = []
// TERM, since a killed nginx leaves its workers behind.
process.on('exit', () => running.forEach(child => child.kill('SIGTERM')))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))

/** Starts a program; resolves to what `found` makes of one of its lines. */
function start (name, command, args, options, found) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    running.push(child)
    let said = ''
    let done = false
    const read = data => {
      // Once it runs its output is read and dropped: a full pipe would stop it.
      if (done) return
      said += data
      const result = said.split('\n').slice(0, -1).map(found).find(r => r !== undefined)
      if (result !== undefined) { done = true; resolve(result) }
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.on('error', reject)
    child.on('exit', code => {
      if (!done) reject(new Error(`${name} ended with ${code}: ${said}`))
      else console.error(`${name} ended with ${code}`)
    })
  })
}

/** The suite's server; resolves to its port. */
export function startServer (modules) {
  const env = { ...process.env, npm_config_protocol: 'http', npm_config_port: '0', npm_config_pidfile: '/dev/null' }
  return start('the suite\'s server', process.execPath, ['--no-warnings', suiteServer(modules)], { env }, line =>
    line.startsWith('Listening on') ? Number(line.match(/:(\d+)\/$/)[1]) : undefined)
}

/** The real binary; resolves to its port. */
export function startLarder (binary, origin) {
  const args = ['serve', '--to', `http://127.0.0.1:${origin}`, '--listen', '127.0.0.1:0', '--admin', 'off']
  return start('larder', binary, args, {}, portIn)
}

/** The hyper server made of the layers; resolves to its port. */
export function startLayers (binary, origin) {
  return start('the example', binary, [`http://127.0.0.1:${origin}`], {}, portIn)
}

function portIn (line) {
  const match = line.match(/listening on (?:http:\/\/)?127\.0\.0\.1:(\d+)/)
  return match ? Number(match[1]) : undefined
}

const peers = {
  nginx: (folder, config) => ['nginx', ['-p', folder, '-c', config, '-e', 'stderr', '-g', 'daemon off;']],
  haproxy: (folder, config) => ['haproxy', ['-db', '-f', config]],
  varnish: (folder, config, port) => ['varnishd',
    ['-j', 'none', '-F', '-n', folder, '-a', `127.0.0.1:${port}`, '-f', config, '-s', 'malloc,256m', '-T', 'none', '-p', 'default_ttl=0']]
}
export const peerNames = Object.keys(peers)

/** Another cache with its file in peers/; resolves to its port. */
export async function startPeer (name, origin) {
  mkdirSync(join(target, 'conformance'), { recursive: true })
  const folder = mkdtempSync(join(target, 'conformance', `${name}-`))
  const port = await freePort()
  const text = readFileSync(join(here, 'peers', `${name}.conf`), 'utf8')
  const config = join(folder, `${name}.conf`)
  const values = { ORIGIN: String(origin), PORT: String(port), FOLDER: folder, USER: process.getuid() === 0 ? 'user root;\n' : '' }
  writeFileSync(config, text.replace(/@(\w+)@/g, (_, key) => values[key]))
  const [command, args] = peers[name](folder, config, port)
  const path = `${process.env.PATH}:/usr/sbin:/sbin`
  const failed = start(name, command, args, { env: { ...process.env, PATH: path } }, () => undefined)
  await Promise.race([failed, accepts(port)])
  return port
}

/** How the version is asked for. */
export function versionCommand (name) {
  return { nginx: ['nginx', '-v'], haproxy: ['haproxy', '-v'], varnish: ['varnishd', '-V'] }[name]
}

function freePort () {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

async function accepts (port) {
  for (let tries = 0; tries < 200; tries++) {
    const open = await new Promise(resolve => {
      const socket = connect(port, '127.0.0.1')
      socket.on('connect', () => { socket.destroy(); resolve(true) })
      socket.on('error', () => resolve(false))
    })
    if (open) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`nothing accepts connections on port ${port}`)
}
