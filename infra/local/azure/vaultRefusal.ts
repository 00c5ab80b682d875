/** A refusal of the vault, as the service words it. */
export class VaultRefusal extends Error {
  override readonly name = 'VaultRefusal';
  readonly status: number;
  readonly code: string;
  /** The reason below `innererror`. */
  readonly inner: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { readonly inner?: string; readonly retryAfterSeconds?: number } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.inner = more.inner;
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

export const badParameter = (message: string): VaultRefusal => new VaultRefusal(400, 'BadParameter', message);

export const noSecret = (name: string): VaultRefusal =>
  new VaultRefusal(404, 'SecretNotFound', `A secret with (name/id) ${name} was not found in this key vault.`);

/** Inner code from public error reports; an RBAC refusal says `ForbiddenByRbac` in the same place. */
export const secretDisabled = (): VaultRefusal =>
  new VaultRefusal(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', { inner: 'SecretDisabled' });

export const nameTaken = (name: string): VaultRefusal =>
  new VaultRefusal(409, 'Conflict', `Secret ${name} is currently in a deleted but recoverable state.`, {
    inner: 'ObjectIsDeletedButRecoverable',
  });

export const throttled = (retryAfterSeconds: number): VaultRefusal =>
  new VaultRefusal(429, 'Throttled', 'Request was not processed because too many requests were received.', {
    retryAfterSeconds,
  });
