/** The agent image's own scripts in a copy of its file tree, run as its user, with stand-ins for the agent's programs. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Secret } from '../../shared/domain/secret.ts';
import { buildAgentFiles } from '../../shared/plan/agentFiles.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const scripts = join(repository, 'infra/agent');
const standIns = join(repository, 'test/integration/agentImage/standIns');

/** The user of the image; scripts run as whoever runs the tests where that is not root. */
const user = process.getuid?.() === 0 ? { uid: 10_001, gid: 10_001 } : {};

/** As the Dockerfile makes them. */
export const linkedNames = [
  '.agent',
  '.credentials',
  '.credentials_rsaparams',
  '.capabilities',
  '.setup_info',
  '.proxy',
  '.proxybypass',
  '.certificates',
];

/** No text that is printed, and nothing that leaves the pod, may hold either. */
export const plantedKey = `${'kEy'.repeat(57)}=`;
export const plantedToken = 'plantedpat7qzzk3';

export function keyFile(overrides: Readonly<Record<string, string | undefined>> = {}): string {
  const components = Object.fromEntries(
    ['d', 'dp', 'dq', 'exponent', 'inverseQ', 'modulus', 'p', 'q'].map((name) => [name, plantedKey]),
  );
  return JSON.stringify({ ContainerName: '', UseCng: false, ...components, ...overrides }, undefined, 2);
}

export function goodFiles(): Readonly<Record<string, string>> {
  return {
    ...buildAgentFiles({
      agentName: 'mf-1',
      agentId: 7,
      poolId: 12,
      poolName: 'Default',
      serverUrl: 'https://dev.azure.com/contoso',
      clientId: '00000000-0000-0000-0000-000000000001',
      authorizationUrl: 'https://login.example/oauth2/token',
      rsaParameters: new Secret(''),
      capabilities: { 'mayfly.cpu.4': '', node: '/usr/bin/node' },
    }),
    '.credentials_rsaparams': keyFile(),
  };
}

/** One pod's file system. Folders: opt (the image), run, files, registration, diag, tmp, notes (of the stand-ins). */
export class AgentPod {
  readonly folder = mkdtempSync(join(tmpdir(), 'agent-image-'));
  readonly #running: ChildProcess[] = [];

  constructor() {
    chmodSync(this.folder, 0o755);
    for (const name of ['files', 'registration', 'opt/agent/bin', 'opt/agent/externals']) {
      mkdirSync(this.path(name), { recursive: true });
    }
    for (const name of ['run', 'diag', 'tmp', 'notes']) this.#own(mkdirSync(this.path(name), { recursive: true }));
    writeFileSync(this.path('opt/agent-version'), '5.278.0');
    for (const name of readdirSync(scripts).filter((each) => each.endsWith('.sh')))
      cpSync(join(scripts, name), this.path(`opt/${name}`));
    cpSync(join(standIns, 'config.sh'), this.path('opt/agent/config.sh'));
    for (const name of ['Agent.Listener', 'Agent.Worker']) {
      cpSync(join(standIns, name), this.path(`opt/agent/bin/${name}`));
    }
    for (const name of linkedNames) symlinkSync(this.path(`run/${name}`), this.path(`opt/agent/${name}`));
    this.#own(this.write('termination', ''));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** Answers the path. */
  write(name: string, content: string): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** As a Secret volume of a pod with an fsGroup shows them: they are root's, readable by the agent's group. */
  mount(files: Readonly<Record<string, string>>, folder = 'files'): void {
    for (const [name, content] of Object.entries(files)) {
      const path = this.write(`${folder}/${name}`, content);
      if (user.gid !== undefined) chownSync(path, 0, user.gid);
      chmodSync(path, 0o440);
    }
  }

  /** The memory volume as the init container sees it. */
  share(): void {
    this.#own(this.path('files'));
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}, script = 'entrypoint.sh'): Running {
    const child = spawn(this.path(`opt/${script}`), args, {
      ...user,
      cwd: this.path('tmp'),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        TMPDIR: this.path('tmp'),
        AGENT_DIAGLOGPATH: this.path('diag'),
        WORKER_DIAGLOGPATH: this.path('diag'),
        MAYFLY_FILES: this.path('files'),
        MAYFLY_REGISTRATION: this.path('registration'),
        MAYFLY_TERMINATION_LOG: this.path('termination'),
        STAND_IN_NOTES: this.path('notes'),
        ...env,
      },
    });
    this.#running.push(child);
    return new Running(child);
  }

  remove(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    // A folder that a test has locked cannot be emptied, except by root.
    if (user.uid === undefined) for (const name of ['files', 'run']) chmodSync(this.path(name), 0o755);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Hands a file to the user of the image. */
  own(name: string): void {
    this.#own(this.path(name));
  }

  #own(path: string | undefined): void {
    if (path !== undefined && user.uid !== undefined) chownSync(path, user.uid, user.gid);
  }
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** When its last output was closed, so no process of its own is left that could still print. */
  readonly at: number;
}

export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, stdout: this.#stdout, stderr: this.#stderr, at: performance.now() }));
    });
  }

  /** Resolves once stdout holds `text`; rejects when it ends without. */
  says(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.#stdout.includes(text)) resolve();
      };
      this.child.stdout?.on('data', look);
      look();
      this.ended.then(({ stdout, stderr }) => {
        if (stdout.includes(text)) resolve();
        else reject(new Error(`it ended without saying ${JSON.stringify(text)}:\n${stdout}${stderr}`));
      }, reject);
    });
  }

  /** Answers when it was told. */
  term(): number {
    this.child.kill('SIGTERM');
    return performance.now();
  }
}

/** Which of `secrets` stand in `text`, plainly, in base64 or by their first or second half. */
export function leaks(text: string, secrets: readonly string[] = [plantedKey, plantedToken]): readonly string[] {
  return secrets.filter((secret) => {
    const half = Math.ceil(secret.length / 2);
    const forms = [secret.slice(0, half), secret.slice(half), Buffer.from(secret).toString('base64')];
    return forms.some((form) => text.includes(form));
  });
}
