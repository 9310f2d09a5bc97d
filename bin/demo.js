#!/usr/bin/env node
// Shows the main job on the embedded vault and swarm, with the stacks of this repository, in a temporary copy.
// Ends with 1 as soon as a command does not do what it should.
import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NO_CHANGES = 'No changes. Your infrastructure matches the configuration.';
const repository = fileURLToPath(new URL('..', import.meta.url));
const bin = join(repository, 'bin', 'keyturn.js');

/** In this order. `exit` and `says` are what each must do, or the demo has failed. */
const SCENES = [
  { title: 'What the stacks declare', args: ['synth'], says: 'busflow' },
  { title: 'What would happen', args: ['plan', 'busflow', '--sandbox'], says: 'Plan: ' },
  {
    title: 'Do it: mint in the vault, stage on the swarm, flip the services, verify them, promote',
    args: ['apply', 'busflow', '--sandbox', '--auto-approve', '--reason', 'first rotation'],
    says: 'Apply complete!',
  },
  {
    title: 'Do it twice: there is nothing left to do',
    args: ['plan', 'busflow', '--sandbox'],
    says: NO_CHANGES,
  },
  {
    title:
      'A new token that the service cannot live with: its health check fails, and the old one returns by itself',
    args: [
      'apply',
      'busflow',
      '--sandbox',
      '--auto-approve',
      '--reason',
      'new token',
      '--value',
      'hcloud-token=-',
    ],
    stdin: 'bad-token\n',
    exit: 10,
  },
  { title: 'Where everything stands', args: ['status', 'busflow', '--sandbox'], says: 'hcloud-token' },
  {
    title: 'What is coming by date',
    args: ['status', 'busflow', '--sandbox', '--due', '100d'],
    says: 'rotate',
  },
  {
    title: 'Who did what, and how it ended',
    args: ['history', 'list', 'busflow', '--sandbox'],
    says: 'rolled-back',
  },
];

const started = Date.now();
const folder = await mkdtemp(join(tmpdir(), 'keyturn-demo-'));
let running;
let failure = null;
for (const name of ['SIGINT', 'SIGTERM']) {
  process.on(name, () => {
    failure ??= 'the demo was interrupted';
    running?.kill(name);
  });
}
try {
  if (!existsSync(join(repository, 'stacks'))) throw new Error('the demo needs a clone of the repository');
  await copyProject();
  for (const scene of SCENES) {
    if (failure === null) failure = await play(scene);
  }
} catch (error) {
  failure = error.message;
} finally {
  await rm(folder, { recursive: true, force: true });
}
const seconds = ((Date.now() - started) / 1000).toFixed(0);
if (failure === null)
  console.log(`\n${dim(`That was all, in ${seconds} s. Nothing real was touched; the copy is removed.`)}`);
else console.error(`\nerror: ${failure}`);
process.exitCode = failure === null ? 0 : 1;

async function copyProject() {
  for (const name of ['main.ts', 'cdktf.json', 'stacks']) {
    await cp(join(repository, name), join(folder, name), { recursive: true });
  }
  for (const name of ['src', 'node_modules']) await symlink(join(repository, name), join(folder, name));
}

/** Plays one scene and returns what was wrong with it, or null. */
async function play({ title, args, stdin, exit = 0, says }) {
  const input = stdin === undefined ? '' : `echo ${stdin.trim()} | `;
  const words = args.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ');
  console.log(`\n${dim(`# ${title}`)}\n${bold(`$ ${input}keyturn ${words}`)}`);
  const { code, out } = await run(args, stdin ?? '');
  if (code !== exit) return `keyturn ${args[0]} ended with ${code}, and ${exit} was expected`;
  if (exit !== 0) console.log(dim(`(exit code ${code})`));
  return says === undefined || out.includes(says) ? null : `keyturn ${args[0]} did not say "${says}"`;
}

function run(args, stdin) {
  return new Promise((resolve, reject) => {
    const colour = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: '1' } : {};
    running = spawn(process.execPath, [bin, ...args], {
      cwd: folder,
      env: { ...process.env, ...colour },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let out = '';
    running.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
      process.stdout.write(text);
    });
    running.stdin.on('error', () => {}).end(stdin);
    running.once('error', reject);
    running.once('close', (code, signal) => resolve({ code: code ?? signal, out }));
  });
}

function dim(text) {
  return style(2, text);
}

function bold(text) {
  return style(1, text);
}

function style(code, text) {
  return process.stdout.isTTY && !process.env.NO_COLOR ? `\u001b[${code}m${text}\u001b[0m` : text;
}
