/** Where the parts of the local system listen: seven ports in a row, so that one number moves them all. */
import { createServer } from 'node:net';

export const parts = [
  'functions',
  'azureDevOps',
  'kubernetes',
  'serviceBus',
  'managedIdentity',
  'keyVault',
  'play',
] as const;
export type Part = (typeof parts)[number];
export type Ports = Readonly<Record<Part, number>>;

/** That of Core Tools, on which the sample settings count. */
export const defaultPortBase = 7071;

export class PortsTaken extends Error {
  override readonly name = 'PortsTaken';

  constructor(taken: readonly number[]) {
    const list = new Intl.ListFormat('en').format(taken.map(String));
    const subject = taken.length === 1 ? `Port ${list} is` : `Ports ${list} are`;
    super(
      `${subject} in use on 127.0.0.1. Choose others with --port-base N: it takes ${parts.length} in a row. (An earlier npm start may still run.)`,
    );
  }
}

/** What a door says whose port was taken since it was looked at; any other error as it is. */
export function portError(error: unknown): unknown {
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && 'port' in error;
  return taken ? new PortsTaken([Number(error.port)]) : error;
}

/** The seven ports from `base`; 0 = whichever are free, told when they listen. */
export function portsFrom(base: number): Ports {
  const ports = parts.map((part, index) => [part, base === 0 ? 0 : base + index] as const);
  return Object.fromEntries(ports) as Record<Part, number>;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Throws PortsTaken that names all that are in use, before anything listens. */
export async function claimPorts(ports: Ports, wanted: readonly Part[] = parts): Promise<void> {
  const numbers = wanted.map((part) => ports[part]).filter((port) => port !== 0);
  const free = await Promise.all(numbers.map(isFree));
  const taken = numbers.filter((_, index) => free[index] === false);
  if (taken.length > 0) throw new PortsTaken(taken);
}
