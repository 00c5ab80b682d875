/** The rules of a Job: on create, and what may never change after it. */
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { at, count, list, nameOf, record, same, text, uidOf } from '../object.ts';
import type { StatusCause } from '../statusError.ts';
import { invalidValue, required, unsupported } from './cause.ts';
import { labelCauses } from './metadata.ts';
import { podSpecCauses } from './podSpec.ts';

const counters = ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'];
const completionModes = ['NonIndexed', 'Indexed'];
const replacementPolicies = ['Failed', 'TerminatingOrFailed'];

function counterCauses(spec: JsonObject): StatusCause[] {
  return counters.flatMap((name) => {
    const value = count(spec, name);
    const rule = 'must be greater than or equal to 0';
    return value !== undefined && value < 0 ? [invalidValue(`spec.${name}`, value, rule)] : [];
  });
}

function policyCauses(spec: JsonObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const mode = text(spec, 'completionMode') ?? '';
  const replacement = text(spec, 'podReplacementPolicy') ?? '';
  // A pod failure policy makes sense only once a pod has really failed (KEP-3939).
  const allowed = spec['podFailurePolicy'] === undefined ? replacementPolicies : ['Failed'];
  if (!completionModes.includes(mode)) causes.push(unsupported('spec.completionMode', mode, completionModes));
  if (!allowed.includes(replacement)) causes.push(unsupported('spec.podReplacementPolicy', replacement, allowed));
  return causes;
}

function restartCauses(spec: JsonObject): StatusCause[] {
  const policy = text(spec, 'template', 'spec', 'restartPolicy');
  if (policy !== 'OnFailure' && policy !== 'Never') {
    return [required('spec.template.spec.restartPolicy', 'valid values: "OnFailure", "Never"')];
  }
  return [];
}

export function jobCauses(job: JsonObject): StatusCause[] {
  const spec = record(job, 'spec');
  return [
    ...counterCauses(spec),
    ...policyCauses(spec),
    // The labels carry the Job's name twice: a name of 64 characters is refused here, and twice.
    ...labelCauses('spec.template.labels', record(spec, 'template', 'metadata', 'labels')),
    ...podSpecCauses('spec.template.spec', record(spec, 'template', 'spec')),
    ...restartCauses(spec),
  ];
}

/** What of a valid Job the job controller here would get wrong; undefined = nothing. */
export function unmodelledInJob(job: JsonObject): string | undefined {
  const spec = record(job, 'spec');
  if (spec['completionMode'] === 'Indexed') return 'Indexed Jobs';
  if (spec['successPolicy'] !== undefined) return 'success policies';
  if (text(spec, 'template', 'spec', 'restartPolicy') === 'OnFailure') return 'restarts of containers';
  const rules = list(spec, 'podFailurePolicy', 'rules');
  const plain = rules.every((rule) => at(rule, 'onExitCodes') !== undefined && text(rule, 'action') === 'FailJob');
  return plain ? undefined : 'pod failure rules other than FailJob on exit codes';
}

/** May be changed while the Job is suspended and has never been started. */
const schedulingFields = ['nodeSelector', 'tolerations', 'affinity', 'schedulingGates'];

function comparableTemplate(template: JsonObject, lenient: boolean): JsonObject {
  if (!lenient) return template;
  const spec = { ...record(template, 'spec') };
  for (const field of schedulingFields) delete spec[field];
  return { spec };
}

/** A patch that brings another UID breaks everything that was derived from it, and says so. */
function uidCauses(before: JsonObject, after: JsonObject): StatusCause[] {
  const uid = uidOf(after);
  if (uid === uidOf(before)) return [];
  const immutable = invalidValue('metadata.uid', uid, 'field is immutable');
  const labels = record(after, 'spec', 'template', 'metadata', 'labels');
  const label = (key: string): StatusCause =>
    invalidValue(`spec.template.metadata.labels[${key}]`, labels, `must be '${uid}'`);
  return [
    immutable,
    label('controller-uid'),
    label('batch.kubernetes.io/controller-uid'),
    invalidValue('spec.selector', record(after, 'spec', 'selector'), '`selector` not auto-generated'),
    immutable,
  ];
}

export function jobUpdateCauses(before: JsonObject, after: JsonObject): StatusCause[] {
  const was = record(before, 'spec');
  const is = record(after, 'spec');
  const causes = [...uidCauses(before, after)];
  if (nameOf(before) !== nameOf(after)) {
    causes.push(invalidValue('metadata.name', nameOf(after), 'field is immutable'));
  }
  const lenient = was['suspend'] === true && at(before, 'status', 'startTime') === undefined;
  const template = comparableTemplate(record(is, 'template'), lenient);
  if (!same(comparableTemplate(record(was, 'template'), lenient), template)) {
    causes.push(invalidValue('spec.template', record(is, 'template'), 'field is immutable'));
  }
  for (const field of ['completions', 'selector', 'completionMode', 'podFailurePolicy']) {
    if (!same(was[field], is[field]))
      causes.push(invalidValue(`spec.${field}`, is[field] ?? null, 'field is immutable'));
  }
  return causes;
}
