import { describe, expect, it } from 'vitest';
import { readRequest } from '../../../../../../infra/local/kubernetes/wire/requestInfo.ts';

describe('readRequest', () => {
  const rows = [
    { given: 'GET /version', want: 'get of the path /version' },
    { given: 'GET /apis/batch/v7', want: 'get of the path /apis/batch/v7' },
    { given: 'GET /apis/batch/v1/jobs', want: 'list jobs' },
    { given: 'GET /api/v1/namespaces', want: 'list namespaces' },
    { given: 'GET /api/v1/namespaces/a', want: 'get namespaces a in a' },
    { given: 'DELETE /api/v1/namespaces/a', want: 'delete namespaces a in a' },
    { given: 'GET /api/v1/namespaces/a/pods', want: 'list pods in a' },
    { given: 'GET /api/v1/namespaces/a/pods?watch=true', want: 'watch pods in a' },
    { given: 'GET /api/v1/namespaces/a/pods?watch=0', want: 'list pods in a' },
    { given: 'GET /api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Done', want: 'list pods one in a' },
    { given: 'GET /api/v1/namespaces/a/pods/one', want: 'get pods one in a' },
    { given: 'GET /api/v1/namespaces/a/pods/one/log', want: 'get pods/log one in a' },
    { given: 'POST /api/v1/namespaces/a/pods', want: 'create pods in a' },
    { given: 'PUT /api/v1/namespaces/a/pods/one', want: 'update pods one in a' },
    { given: 'PATCH /api/v1/namespaces/a/pods/one', want: 'patch pods one in a' },
    { given: 'DELETE /api/v1/namespaces/a/pods/one', want: 'delete pods one in a' },
    { given: 'DELETE /api/v1/namespaces/a/pods', want: 'deletecollection pods in a' },
  ];
  it.each(rows)('reads $given as $want', ({ given, want }) => {
    const [method = '', target = ''] = given.split(' ');
    const url = new URL(target, 'http://server');
    const info = readRequest(method, url.pathname, url.searchParams);
    expect(info.kind === 'path' ? `${info.verb} of the path ${info.path}` : said(info)).toBe(want);
  });

  function said(info: ReturnType<typeof readRequest> & { kind: 'resource' }): string {
    const resource = info.subresource === undefined ? info.resource : `${info.resource}/${info.subresource}`;
    const place = info.namespace === undefined ? [] : ['in', info.namespace];
    return [info.verb, resource, ...(info.name === undefined ? [] : [info.name]), ...place].join(' ');
  }
});
