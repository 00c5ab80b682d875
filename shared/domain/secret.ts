/**
 * A value that must never be printed. Every way in which JavaScript turns a value into text (template strings,
 * JSON, console, errors) shows the same placeholder; only `reveal` gives the value, and only adapters call it.
 */
const redacted = '[redacted]';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. For the one line that puts it on the wire. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [Symbol.toPrimitive](): string {
    return redacted;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted;
  }
}

/** Without the white space around it: what was read from a file often ends in a line break, which nobody takes. */
export const trimmed = (secret: Secret): Secret => new Secret(secret.reveal().trim());
