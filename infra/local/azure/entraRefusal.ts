/** A refusal of Entra: the word of RFC 6749 and the number by which people look it up. */
export class EntraRefusal extends Error {
  override readonly name = 'EntraRefusal';
  readonly error: string;
  readonly code: number | undefined;

  constructor(error: string, code: number | undefined, message: string) {
    super(message);
    this.error = error;
    this.code = code;
  }
}
