/** The error conditions that the broker answers with, as the SDK maps them (core-amqp 4.4.2, errors). */
export type Condition =
  | 'amqp:not-found'
  | 'amqp:not-allowed'
  | 'amqp:not-implemented'
  | 'amqp:unauthorized-access'
  | 'amqp:resource-limit-exceeded'
  | 'amqp:link:message-size-exceeded'
  | 'amqp:internal-error'
  | 'com.microsoft:entity-disabled'
  | 'com.microsoft:message-lock-lost'
  | 'com.microsoft:message-not-found'
  | 'com.microsoft:server-busy'
  | 'com.microsoft:session-cannot-be-locked'
  | 'com.microsoft:session-lock-lost'
  | 'com.microsoft:timeout';

/** What the broker refuses; on the wire an AMQP error of this condition. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly condition: Condition;

  constructor(condition: Condition, description: string) {
    super(description);
    this.condition = condition;
  }

  get amqp(): { readonly condition: string; readonly description: string } {
    return { condition: this.condition, description: this.message };
  }
}
