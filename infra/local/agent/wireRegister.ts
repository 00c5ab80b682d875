/**
 * The init container of `initConfig`: our entrypoint's `configure` with Microsoft's config.sh under it. It reads the
 * pool's credential and the template's capabilities, registers one agent and leaves the files for the main container.
 * Exit codes and last words are those of docs/agent-image.md.
 */
import { rsaAgentKeys } from '../../../shared/adapters/azureDevOps/agentKeys.ts';
import type { AgentKey } from '../../../shared/ports.ts';
import { nameOf } from '../kubernetes/object.ts';
import type { ContainerContext } from '../kubernetes/podStory.ts';
import { capabilitiesOf } from './credentials.ts';
import { argumentsOf, type Files, filesIn, reportedEnvironment, writeFiles } from './mounts.ts';
import { type Registered, RegistrationEnded, type RegistrationFailure, register } from './register.ts';
import { reportedCapabilities } from './reported.ts';

const filesFolder = '/mayfly/agent';
const registrationFolder = '/mayfly/registration';
/** Of the image. */
const version = '5.278.0';

class Failed extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const failures: Readonly<Record<RegistrationFailure, readonly [code: number, words: string]>> = {
  nameExists: [30, 'an agent of this name is registered already'],
  refused: [31, 'the server refused the credential'],
  unreachable: [32, 'the server could not be reached'],
  failed: [33, 'config.sh ended with 1'],
};

function tokenIn(files: Files): string {
  const given = files['token'];
  if (given === undefined) throw new Failed(20, `${registrationFolder}/token is missing`);
  if (given === '') throw new Failed(22, `${registrationFolder}/token is empty`);
  // A file often ends in a line break.
  const token = given.replace(/\n+$/, '').replace(/\r$/, '');
  if (!/^\S+$/.test(token)) throw new Failed(23, `${registrationFolder}/token is not one token`);
  return token;
}

/** As Newtonsoft writes them: indented, and a byte order mark in front (IOUtil.cs). */
const written = (content: object): string => `\uFEFF${JSON.stringify(content, undefined, 2)}`;

interface Wanted {
  readonly url: string;
  readonly poolName: string;
  readonly agentName: string;
  readonly workFolder: string;
}

function wantedOf(context: ContainerContext): Wanted {
  const given = argumentsOf(context);
  const [url, poolName, agentName] = ['url', 'pool', 'agent'].map((name) => given.get(name) ?? '');
  if (!url || !poolName || !agentName) throw new Failed(64, 'configure needs --url, --pool and --agent');
  return { url: url.replace(/\/+$/, ''), poolName, agentName, workFolder: given.get('work') ?? '/mayfly/work' };
}

function filesOf({ poolName, agentName, workFolder }: Wanted, registered: Registered, key: AgentKey): Files {
  const { agentId, poolId, serverUrl, authorization } = registered;
  // config.sh would keep the administrator's credential here, within reach of every step.
  if (authorization === undefined) throw new Failed(24, '.credentials is not of the scheme OAuth');
  const { clientId, authorizationUrl } = authorization;
  return {
    '.agent': written({ acceptTeeEula: true, agentId, agentName, poolId, poolName, serverUrl, workFolder }),
    '.credentials': written({
      scheme: 'OAuth',
      data: { clientId, authorizationUrl, oauthEndpointUrl: authorizationUrl },
    }),
    '.credentials_rsaparams': `\uFEFF${key.rsaParameters.reveal()}`,
  };
}

const proxyFileNames: ReadonlySet<string> = new Set(['.proxy', '.proxybypass']);

async function configure(context: ContainerContext, signal: AbortSignal): Promise<void> {
  const wanted = wantedOf(context);
  const mounted = filesIn(context, registrationFolder);
  const token = tokenIn(mounted);
  const own = mounted['.capabilities'] ?? '';
  const key = await rsaAgentKeys().generate();
  const registered = await register({
    ...wanted,
    token,
    version,
    capabilities: reportedCapabilities(wanted.agentName, nameOf(context.pod), {
      ...reportedEnvironment(context),
      ...capabilitiesOf(own),
    }),
    publicKey: key.publicKey,
    signal,
  });
  const way = Object.fromEntries(Object.entries(mounted).filter(([name]) => proxyFileNames.has(name)));
  const files = { ...filesOf(wanted, registered, key), '.capabilities': own, ...way };
  if (!writeFiles(context, filesFolder, files)) throw new Failed(25, `${filesFolder} cannot be written`);
}

function failureOf(error: unknown): readonly [code: number, words: string] {
  if (error instanceof Failed) return [error.code, error.message];
  return failures[error instanceof RegistrationEnded ? error.why : 'failed'];
}

/** The exit code. Told to end it ends with 143, whether or not the registration has gone through; dead, it rejects. */
export async function registerInContainer(
  context: ContainerContext,
  startMs: number,
  dead: AbortSignal,
): Promise<number> {
  const { clock, terminated } = context;
  const over = AbortSignal.any([terminated, dead]);
  try {
    await clock.sleep(startMs, over);
    await configure(context, over);
    return 0;
  } catch (error) {
    dead.throwIfAborted();
    if (over.aborted) return 143;
    const [code, words] = failureOf(error);
    context.print?.(`mayfly: ${words}\n`);
    context.writeTerminationLog?.(`mayfly: ${words}`);
    return code;
  }
}
