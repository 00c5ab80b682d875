/** Who registers the next agents of a pool. */
import type { Control } from '../domain/control.ts';
import type { PoolPolicy } from '../domain/template.ts';

/**
 * `auto` registers just in time once the probe has shown that this organisation takes it; before that, and where it
 * does not, an init container does, if there is a credential for it.
 */
export function registrationOf(
  { registration, hasRegistrationCredential }: Pick<PoolPolicy, 'registration' | 'hasRegistrationCredential'>,
  control: Control | undefined,
): 'jit' | 'initConfig' {
  if (registration !== 'auto') return registration;
  return control?.jit === 'works' || !hasRegistrationCredential ? 'jit' : 'initConfig';
}
