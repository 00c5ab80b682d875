import { describe, expect, it } from 'vitest';
import { orderName } from '../../../shared/domain/orderName.ts';

describe('the name of a build order', () => {
  it('is a label of at most so many characters, the same every time', () => {
    for (const key of ['linux/2026-W47', '', '///', 'x'.repeat(300), 'Ünicode and spaces']) {
      expect(orderName(key, 50)).toMatch(/^mf-build-[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      expect(orderName(key, 50).length).toBeLessThanOrEqual(50);
      expect(orderName(key, 50)).toBe(orderName(key, 50));
    }
  });

  it('tells keys apart that look alike once they are cut', () => {
    const keys = ['a/b', 'a_b', 'A/b', `${'x'.repeat(100)}1`, `${'x'.repeat(100)}2`];
    expect(new Set(keys.map((key) => orderName(key, 40))).size).toBe(keys.length);
  });

  it('can be read', () => expect(orderName('linux/2026-W47', 50)).toMatch(/^mf-build-linux-2026-w47-/));
});
