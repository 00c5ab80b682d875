/** Names, labels, annotations and owners. */
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { list, nameOf, record, scalar, text } from '../object.ts';
import type { StatusCause } from '../statusError.ts';
import { invalidValue, required, tooLong } from './cause.ts';

const labelPattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomainPattern = `${labelPattern}(\\.${labelPattern})*`;
const valuePattern = '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?';
const qualifiedPattern = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`);
const dnsLabel = whole(labelPattern);
const dnsSubdomain = whole(subdomainPattern);
const labelValue = whole(valuePattern);
const qualifiedName = whole(qualifiedPattern);

const regexUsed = (pattern: string): string => `regex used for validation is '${pattern}'`;

const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " +
  `end with an alphanumeric character (e.g. 'example.com', ${regexUsed(subdomainPattern)})`;
const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with " +
  `an alphanumeric character (e.g. 'my-name',  or '123-abc', ${regexUsed(labelPattern)})`;
const valueRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and " +
  `end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', ${regexUsed(valuePattern)})`;
const keyRule =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " +
  `character (e.g. 'MyName',  or 'my.name',  or '123-abc', ${regexUsed(qualifiedPattern)})`;

const atMost = (bytes: number): string => `must be no more than ${bytes} bytes`;

export function dnsLabelCauses(field: string, value: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (value.length > 63) causes.push(invalidValue(field, value, atMost(63)));
  if (!dnsLabel.test(value)) causes.push(invalidValue(field, value, labelRule));
  return causes;
}

function subdomainCauses(field: string, value: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (value.length > 253) causes.push(invalidValue(field, value, atMost(253)));
  if (!dnsSubdomain.test(value)) causes.push(invalidValue(field, value, subdomainRule));
  return causes;
}

function labelKeyCauses(field: string, key: string): StatusCause[] {
  const slash = key.lastIndexOf('/');
  const name = key.slice(slash + 1);
  const causes: StatusCause[] = [];
  if (slash > 0 && !dnsSubdomain.test(key.slice(0, slash))) {
    causes.push(invalidValue(field, key, `prefix part ${subdomainRule}`));
  }
  if (name.length > 63) causes.push(invalidValue(field, key, `name part ${atMost(63)}`));
  if (!qualifiedName.test(name)) causes.push(invalidValue(field, key, keyRule));
  return causes;
}

/** Keys are qualified names, values have at most 63 characters. */
export function labelCauses(field: string, labels: JsonObject): StatusCause[] {
  return Object.entries(labels).flatMap(([key, raw]) => {
    const value = scalar(raw);
    const causes = labelKeyCauses(field, key);
    if (value.length > 63) causes.push(invalidValue(field, value, atMost(63)));
    if (!labelValue.test(value)) causes.push(invalidValue(field, value, valueRule));
    return causes;
  });
}

/** Keys count lower-cased; all annotations together may have 256 KiB. */
function annotationCauses(field: string, annotations: JsonObject): StatusCause[] {
  const entries = Object.entries(annotations);
  const causes = entries.flatMap(([key]) => labelKeyCauses(field, key.toLowerCase()));
  const size = entries.reduce((sum, [key, value]) => sum + key.length + scalar(value).length, 0);
  return size > 262_144 ? [...causes, tooLong(field, 262_144)] : causes;
}

function ownerCauses(object: JsonObject): StatusCause[] {
  return list(object, 'metadata', 'ownerReferences').flatMap((owner, index) =>
    ['apiVersion', 'kind', 'name', 'uid']
      .filter((key) => !text(owner, key))
      .map((key) => required(`metadata.ownerReferences[${index}].${key}`)),
  );
}

export function metadataCauses(object: JsonObject): StatusCause[] {
  const name = nameOf(object);
  const metadata = record(object, 'metadata');
  const named =
    name === ''
      ? [required('metadata.name', 'name or generateName is required')]
      : subdomainCauses('metadata.name', name);
  return [
    ...named,
    ...labelCauses('metadata.labels', record(metadata, 'labels')),
    ...annotationCauses('metadata.annotations', record(metadata, 'annotations')),
    ...ownerCauses(object),
  ];
}
