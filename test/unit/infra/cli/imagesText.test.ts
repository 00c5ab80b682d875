import { expect, it } from 'vitest';
import { imageTable } from '../../../../infra/cli/imagesText.ts';

it('tells each image in one line', () => {
  const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
  const table = imageTable([
    {
      image: 'linux',
      reference: 'contoso.azurecr.io/agents/linux:stable',
      known: true,
      inForce: { digest: digest('1'), version: '4.260.0', ageHours: 75 },
      candidate: { digest: digest('2'), proven: '0 of 1' },
      build: { key: 'linux-2026-W47', state: 'done', reason: 'weekly' },
      good: [digest('0')],
      requested: 'rollback',
    },
    { image: 'windows', reference: 'contoso.azurecr.io/agents/windows:stable', known: false, good: [] },
  ]);
  expect(table.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['image', 'in force', 'agent', 'age', 'candidate', 'build', 'to go back to', 'note'],
    [
      'linux',
      'sha256:111111111111',
      '4.260.0',
      '3 d',
      'sha256:222222222222 (0 of 1 proven)',
      'linux-2026-W47 done',
      '1',
      'asked: rollback; weekly',
    ],
    ['windows', '-', '-', '-', '-', '-', '0', 'no control map answers'],
  ]);
});
