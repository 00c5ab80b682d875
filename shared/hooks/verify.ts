/**
 * Who rings. Azure DevOps signs nothing: a service hook can only carry Basic credentials and fixed headers, so the
 * credential is a shared secret, and it is looked for in headers only (a URL ends up in logs). Two secrets pass, the
 * current and the previous one, or every rotation would put our own subscriptions on probation.
 *
 * A mismatch may be ours: this process may hold a secret that was replaced since. So the vault is asked before anyone
 * is turned away, but not more often than `rereadMs`, or strangers could make us hammer it. A rotation therefore lets
 * `rereadMs` pass between storing the new secret and giving it to the subscriptions.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { EpochMs } from '../domain/instant.ts';
import type { Secret } from '../domain/secret.ts';

export interface HookSecrets {
  readonly current: Secret;
  readonly previous?: Secret | undefined;
}

export interface HeaderSource {
  get(name: string): string | null;
}

/** `unreadable` = we do not know the secret, so we cannot tell. */
export type Verdict = 'accepted' | 'rejected' | 'unreadable';

export interface HookVerifier {
  verify(headers: HeaderSource): Promise<Verdict>;
}

export interface VerifierSources {
  /** What the settings hold, if they hold it. */
  readonly initial?: HookSecrets | undefined;
  /** Reads the latest from the vault; rejects when it cannot. */
  readonly read: () => Promise<HookSecrets>;
  readonly now: () => EpochMs;
}

export const secretHeader = 'x-mayfly-secret';
export const rereadMs = 10_000;

const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/** The password of an Authorization header of scheme Basic (RFC 7617); the user name says nothing here. */
function basicPassword(header: string | null): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon === -1 ? undefined : decoded.slice(colon + 1);
}

/** What the caller presents as the secret, at most twice. */
export function presentedSecrets(headers: HeaderSource): readonly string[] {
  const presented = [basicPassword(headers.get('authorization')), headers.get(secretHeader) ?? undefined];
  return presented.filter((one): one is string => one !== undefined && one !== '');
}

/**
 * Compares digests, which are of one length, and every presented value with every secret, so that neither length nor
 * order can be told from the time it takes. An empty secret matches nothing.
 */
export function matches(presented: readonly string[], secrets: HookSecrets): boolean {
  const known = [secrets.current, secrets.previous].flatMap((one) => (one === undefined ? [] : [one.reveal()]));
  let found = false;
  for (const candidate of presented) {
    for (const secret of known) {
      const equal = timingSafeEqual(digest(candidate), digest(secret));
      found = (equal && secret !== '') || found;
    }
  }
  return found;
}

interface Reread {
  readonly at: EpochMs;
  readonly outcome: Promise<HookSecrets | undefined>;
}

/** One verifier a process: it remembers the secrets and when it last asked the vault. */
export function hookVerifier(sources: VerifierSources): HookVerifier {
  let secrets = sources.initial;
  let last: Reread | undefined;

  const read = async (): Promise<HookSecrets | undefined> => {
    try {
      secrets = await sources.read();
      return secrets;
    } catch {
      // Whatever failed, we cannot tell friend from stranger; the vault's adapter has classified and told it.
      return undefined;
    }
  };

  /** The vault's answer, at most `rereadMs` old; callers that come while it is being asked share one question. */
  const latest = (): Promise<HookSecrets | undefined> => {
    const now = sources.now();
    if (last === undefined || now - last.at >= rereadMs || now < last.at) last = { at: now, outcome: read() };
    return last.outcome;
  };

  return {
    async verify(headers) {
      const presented = presentedSecrets(headers);
      if (presented.length === 0) return 'rejected';
      if (secrets !== undefined && matches(presented, secrets)) return 'accepted';
      const fresh = await latest();
      if (fresh === undefined) return 'unreadable';
      return matches(presented, fresh) ? 'accepted' : 'rejected';
    },
  };
}
