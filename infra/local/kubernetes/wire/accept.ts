/** Which of the forms that a client accepts it gets. The first one that this server has wins. */
import type { KubernetesStatus } from '../statusError.ts';

export type Form = 'json' | 'table' | 'partial' | 'partialList' | 'aggregatedDiscovery';

/** Forms with parameters: the target kind, its group and version decide. */
const forms: Readonly<Record<string, Form>> = {
  'Table/meta.k8s.io/v1': 'table',
  'PartialObjectMetadata/meta.k8s.io/v1': 'partial',
  'PartialObjectMetadataList/meta.k8s.io/v1': 'partialList',
  'APIGroupDiscoveryList/apidiscovery.k8s.io/v2': 'aggregatedDiscovery',
};

function formOf(clause: string): Form | undefined {
  const [media = '', ...parameters] = clause.split(';').map((part) => part.trim());
  if (!['application/json', 'application/*', '*/*'].includes(media)) return undefined;
  const given = new Map(parameters.map((parameter) => parameter.split('=') as [string, string]));
  const target = given.get('as');
  return target === undefined ? 'json' : forms[`${target}/${given.get('g') ?? ''}/${given.get('v') ?? ''}`];
}

/** `available` says which forms the path has; without an Accept header everything is accepted. */
export function chooseForm(
  header: string | undefined,
  available: readonly Form[],
  refuse: () => KubernetesStatus,
): Form {
  for (const clause of (header ?? '*/*').split(',')) {
    const form = formOf(clause);
    if (form !== undefined && available.includes(form)) return form;
  }
  throw refuse();
}
