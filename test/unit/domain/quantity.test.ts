import { describe, expect, it } from 'vitest';
import { parseQuantity } from '../../../shared/domain/quantity.ts';

describe('parseQuantity', () => {
  it.each([
    ['0', 0],
    ['4', 4],
    ['0.5', 0.5],
    ['.5', 0.5],
    ['5.', 5],
    ['500m', 0.5],
    ['1500m', 1.5],
    ['250u', 0.00025],
    ['100n', 1e-7],
    ['2k', 2000],
    ['3M', 3_000_000],
    ['1G', 1e9],
    ['1T', 1e12],
    ['1P', 1e15],
    ['1E', 1e18],
    ['1Ki', 1024],
    ['512Mi', 536_870_912],
    ['2Gi', 2_147_483_648],
    ['1.5Gi', 1_610_612_736],
    ['1Ti', 2 ** 40],
    ['1Pi', 2 ** 50],
    ['1Ei', 2 ** 60],
    ['1e3', 1000],
    ['1E3', 1000],
    ['12e-1', 1.2],
    ['+2', 2],
    ['-1', -1],
    [' 8Gi ', 8 * 2 ** 30],
  ])('reads %s', (text, want) => {
    expect(parseQuantity(text)).toBeCloseTo(want, 9);
  });

  it.each([
    '',
    ' ',
    'Gi',
    'abc',
    '1 Gi',
    '1gi',
    '1GB',
    '1K',
    '1Kib',
    '1e3Ki',
    '1.2.3',
    '1,5',
    '--1',
    '0x10',
    'NaN',
    '∞',
    '1constructor',
    '1toString',
    '1valueOf',
    'constructor',
  ])('takes %j for no quantity', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });
});
