/**
 * What of Entra concerns a user who signs in to an app: codes, device codes, refresh tokens. Sources: the pages on the
 * authorization code flow, the device code flow and refresh tokens of the Microsoft identity platform; RFC 6749, 7636
 * and 8628 where no page of it is named.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { hoursMs, minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import { EntraRefusal } from './entraRefusal.ts';

export interface EntraUser {
  readonly name: string;
  /** Refresh tokens from before are refused. */
  passwordChangedAt?: EpochMs;
  /** The number with which every redemption is refused: 50057 disabled, 50076 MFA, 53003 Conditional Access, ... */
  refusal?: number;
}

export interface EntraGrant {
  readonly user: EntraUser;
  readonly scope: string;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly expiresAt: EpochMs;
}

interface CodeGrant {
  readonly user: EntraUser;
  readonly scope: string;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly expiresAt: EpochMs;
  used: boolean;
}

interface DeviceGrant {
  readonly userCode: string;
  readonly scope: string;
  readonly expiresAt: EpochMs;
  polledAt: EpochMs | undefined;
  verdict: EntraUser | 'declined' | undefined;
}

interface RefreshGrant {
  readonly user: EntraUser;
  readonly issuedAt: EpochMs;
}

export interface EntraWorldOptions {
  readonly now: () => EpochMs;
  readonly tenantId: string;
  /** Apps that are registered as public clients with the redirect http://localhost. */
  readonly clientIds: readonly string[];
  /** How far apart polls for a device code must be. */
  readonly deviceIntervalMs?: number;
  /** Told each grant, so that other stand-ins take its access token. */
  readonly onGrant?: (grant: EntraGrant) => void;
}

/** A refresh token that is not used for this long ends; using it gives another and does not revoke it. */
const idleMs = hoursMs(24 * 90);
/** Access tokens live from 60 to 90 min, at random; here the mean. */
const accessMs = minutesMs(75);
const codeMs = minutesMs(10);
const deviceMs = minutesMs(15);
const defaultIntervalMs = secondsMs(5);

export class EntraWorld {
  readonly tenantId: string;
  readonly deviceIntervalMs: number;
  readonly grants: EntraGrant[] = [];
  readonly #options: EntraWorldOptions;
  readonly #codes = new Map<string, CodeGrant>();
  readonly #devices = new Map<string, DeviceGrant>();
  readonly #refresh = new Map<string, RefreshGrant>();

  constructor(options: EntraWorldOptions) {
    this.tenantId = options.tenantId;
    this.deviceIntervalMs = options.deviceIntervalMs ?? defaultIntervalMs;
    this.#options = options;
  }

  requireClient(clientId: string | null): void {
    if (clientId !== null && this.#options.clientIds.includes(clientId)) return;
    throw new EntraRefusal('unauthorized_client', 700016, 'There is no such application in the directory.');
  }

  /** What a browser in which `user` is signed in brings back. */
  authorize(user: EntraUser, asked: Pick<CodeGrant, 'scope' | 'redirectUri' | 'challenge'>): string {
    const code = token();
    this.#codes.set(code, { ...asked, user, expiresAt: this.#options.now() + codeMs, used: false });
    return code;
  }

  beginDevice(scope: string): { readonly deviceCode: string; readonly userCode: string; readonly expiresInMs: number } {
    const [deviceCode, userCode] = [token(), randomBytes(5).toString('hex').slice(0, 9).toUpperCase()];
    const expiresAt = this.#options.now() + deviceMs;
    this.#devices.set(deviceCode, { userCode, scope, expiresAt, polledAt: undefined, verdict: undefined });
    return { deviceCode, userCode, expiresInMs: deviceMs };
  }

  /** By the back door, or by the page where a person enters the code. False = there is no such code. */
  answerDevice(userCode: string, verdict: EntraUser | 'declined'): boolean {
    const found = [...this.#devices.values()].find((device) => device.userCode === userCode);
    if (found === undefined) return false;
    found.verdict = verdict;
    return true;
  }

  redeemCode(code: string, redirectUri: string, verifier: string): EntraGrant {
    const found = this.#codes.get(code);
    if (found === undefined) throw new EntraRefusal('invalid_grant', 70000, 'The code is not valid.');
    if (found.used) throw new EntraRefusal('invalid_grant', 54005, 'The code was already redeemed.');
    if (found.expiresAt <= this.#options.now()) throw new EntraRefusal('invalid_grant', 70008, 'The code has expired.');
    if (found.redirectUri !== redirectUri) throw new EntraRefusal('invalid_client', 50011, 'The redirect differs.');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    if (challenge !== found.challenge) throw new EntraRefusal('invalid_grant', 501481, 'The verifier does not match.');
    found.used = true;
    return this.#grant(found.user, found.scope);
  }

  redeemDevice(deviceCode: string): EntraGrant {
    const found = this.#devices.get(deviceCode);
    if (found === undefined) throw new EntraRefusal('bad_verification_code', 70018, 'The code is not recognized.');
    const now = this.#options.now();
    if (found.expiresAt <= now) throw new EntraRefusal('expired_token', 70020, 'The code has expired.');
    const early = found.polledAt !== undefined && now - found.polledAt < this.deviceIntervalMs;
    found.polledAt = now;
    // RFC 8628, 3.5; the pages of the platform do not mention it.
    if (early) throw new EntraRefusal('slow_down', undefined, 'Asked again too soon.');
    if (found.verdict === undefined)
      throw new EntraRefusal('authorization_pending', 70016, 'The user has not signed in.');
    if (found.verdict === 'declined') throw new EntraRefusal('authorization_declined', 70019, 'The user declined.');
    return this.#grant(found.verdict, found.scope);
  }

  redeemRefresh(refreshToken: string, scope: string): EntraGrant {
    const found = this.#refresh.get(refreshToken);
    if (found === undefined) throw new EntraRefusal('invalid_grant', 70000, 'The refresh token is not valid.');
    const { user, issuedAt } = found;
    if (this.#options.now() - issuedAt >= idleMs) {
      throw new EntraRefusal('invalid_grant', 700082, 'The refresh token has expired due to inactivity.');
    }
    if (user.passwordChangedAt !== undefined && user.passwordChangedAt >= issuedAt) {
      throw new EntraRefusal('invalid_grant', 50173, 'The provided grant has expired due to it being revoked.');
    }
    return this.#grant(user, scope);
  }

  #grant(user: EntraUser, scope: string): EntraGrant {
    if (user.refusal !== undefined) throw new EntraRefusal('invalid_grant', user.refusal, 'Refused by a rule.');
    const now = this.#options.now();
    const refreshToken = scope.split(' ').includes('offline_access') ? token() : undefined;
    if (refreshToken !== undefined) this.#refresh.set(refreshToken, { user, issuedAt: now });
    const grant = { user, scope, accessToken: token(), refreshToken, expiresAt: now + accessMs };
    this.grants.push(grant);
    this.#options.onGrant?.(grant);
    return grant;
  }
}

const token = (): string => randomBytes(32).toString('base64url');
