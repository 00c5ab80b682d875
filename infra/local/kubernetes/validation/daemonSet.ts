/** The rules of a DaemonSet that a manifest of ours can break (kubernetes pkg/apis/apps/validation/validation.go). */
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { record, same, text } from '../object.ts';
import type { StatusCause } from '../statusError.ts';
import { invalidValue, required, unsupported } from './cause.ts';
import { labelCauses } from './metadata.ts';
import { podSpecCauses } from './podSpec.ts';

export function daemonSetCauses(daemonSet: JsonObject): StatusCause[] {
  const spec = record(daemonSet, 'spec');
  const selector = record(spec, 'selector', 'matchLabels');
  const labels = record(spec, 'template', 'metadata', 'labels');
  const causes: StatusCause[] = [];
  if (Object.keys(selector).length === 0) causes.push(required('spec.selector'));
  if (Object.entries(selector).some(([key, value]) => labels[key] !== value)) {
    const rule = '`selector` does not match template `labels`';
    causes.push(invalidValue('spec.template.metadata.labels', labels, rule));
  }
  const restart = text(spec, 'template', 'spec', 'restartPolicy');
  if (restart !== 'Always') causes.push(unsupported('spec.template.spec.restartPolicy', restart ?? '', ['Always']));
  return [
    ...causes,
    ...labelCauses('spec.template.labels', labels),
    ...podSpecCauses('spec.template.spec', record(spec, 'template', 'spec')),
  ];
}

export function daemonSetUpdateCauses(before: JsonObject, after: JsonObject): StatusCause[] {
  const selector = record(after, 'spec', 'selector');
  return same(record(before, 'spec', 'selector'), selector)
    ? []
    : [invalidValue('spec.selector', selector, 'field is immutable')];
}
