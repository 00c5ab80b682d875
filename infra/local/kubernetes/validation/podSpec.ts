/** The rules of a pod spec that a manifest of ours can break. */
import type { JsonObject, JsonValue } from '../../../../shared/domain/json.ts';
import { list, record, scalar, text } from '../object.ts';
import { parseQuantity } from '../quantity.ts';
import type { StatusCause } from '../statusError.ts';
import { duplicate, invalidValue, missing, required, unsupported } from './cause.ts';
import { dnsLabelCauses } from './metadata.ts';

const pullPolicies = ['Always', 'IfNotPresent', 'Never'];

function resourceCauses(field: string, container: JsonValue): StatusCause[] {
  const limits = record(container, 'resources', 'limits');
  return Object.entries(record(container, 'resources', 'requests')).flatMap(([name, request]) => {
    const limit = limits[name];
    if (limit === undefined) return [];
    const over = (parseQuantity(scalar(request)) ?? 0) > (parseQuantity(scalar(limit)) ?? 0);
    const rule = `must be less than or equal to ${name} limit of ${scalar(limit)}`;
    return over ? [invalidValue(`${field}.resources.requests`, scalar(request), rule)] : [];
  });
}

function mountCauses(field: string, container: JsonValue, volumes: ReadonlySet<string>): StatusCause[] {
  const paths = new Set<string>();
  return list(container, 'volumeMounts').flatMap((mount, index) => {
    const name = text(mount, 'name') ?? '';
    const path = text(mount, 'mountPath') ?? '';
    const at = `${field}.volumeMounts[${index}]`;
    const causes: StatusCause[] = [];
    if (name === '') causes.push(required(`${at}.name`));
    else if (!volumes.has(name)) causes.push(missing(`${at}.name`, name));
    if (path === '') causes.push(required(`${at}.mountPath`));
    else if (paths.has(path)) causes.push(invalidValue(`${at}.mountPath`, path, 'must be unique'));
    paths.add(path);
    return causes;
  });
}

function environmentCauses(field: string, container: JsonValue): StatusCause[] {
  return list(container, 'env').flatMap((variable, index) =>
    text(variable, 'name') ? [] : [required(`${field}.env[${index}].name`)],
  );
}

function containerCauses(
  field: string,
  container: JsonValue,
  names: Set<string>,
  volumes: ReadonlySet<string>,
): StatusCause[] {
  const name = text(container, 'name') ?? '';
  const causes: StatusCause[] = name === '' ? [required(`${field}.name`)] : dnsLabelCauses(`${field}.name`, name);
  if (name !== '' && names.has(name)) causes.push(duplicate(`${field}.name`, name));
  names.add(name);
  if (!text(container, 'image')) causes.push(required(`${field}.image`));
  const policy = text(container, 'imagePullPolicy');
  if (policy !== undefined && !pullPolicies.includes(policy)) {
    causes.push(unsupported(`${field}.imagePullPolicy`, policy, pullPolicies));
  }
  return [
    ...causes,
    ...mountCauses(field, container, volumes),
    ...environmentCauses(field, container),
    ...resourceCauses(field, container),
  ];
}

function volumeCauses(field: string, spec: JsonObject): { causes: StatusCause[]; names: Set<string> } {
  const names = new Set<string>();
  const causes = list(spec, 'volumes').flatMap((volume, index) => {
    const name = text(volume, 'name') ?? '';
    const at = `${field}.volumes[${index}]`;
    const found = name === '' ? [required(`${at}.name`)] : dnsLabelCauses(`${at}.name`, name);
    if (names.has(name)) found.push(duplicate(`${at}.name`, name));
    names.add(name);
    const sources = Object.keys(record(volume)).filter((key) => key !== 'name');
    if (sources.length === 0) found.push(required(at, 'must specify a volume type'));
    const secret = record(volume)['secret'];
    if (secret !== undefined && !text(secret, 'secretName')) found.push(required(`${at}.secret.secretName`));
    return found;
  });
  return { causes, names };
}

/** `field` is "spec.template.spec" or "spec". */
export function podSpecCauses(field: string, spec: JsonObject): StatusCause[] {
  const volumes = volumeCauses(field, spec);
  const names = new Set<string>();
  const containers = list(spec, 'containers');
  const causes = volumes.causes;
  if (containers.length === 0) causes.push(required(`${field}.containers`));
  for (const [index, container] of containers.entries()) {
    causes.push(...containerCauses(`${field}.containers[${index}]`, container, names, volumes.names));
  }
  for (const [index, container] of list(spec, 'initContainers').entries()) {
    causes.push(...containerCauses(`${field}.initContainers[${index}]`, container, names, volumes.names));
  }
  const grace = Number(spec['terminationGracePeriodSeconds'] ?? 30);
  if (grace < 0) {
    causes.push(invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0'));
  }
  return causes;
}
