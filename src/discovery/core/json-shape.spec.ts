import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { jsonAt, listAt, parseJson, portAt, textAt } from './json-shape.js';

describe('reading JSON of others', () => {
  it('never throws, whatever the value', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string(), (value, key) => {
        jsonAt(value, key, key);
        textAt(value, key);
        listAt(value, key);
        portAt(value, key);
      }),
    );
  });

  it('does not take what a prototype has for what was written', () => {
    expect(jsonAt({}, 'constructor')).toBeUndefined();
    expect(jsonAt([], 'length')).toBeUndefined();
  });

  it.each([0, 65_536, 1.5, -1, '80', null, Number.NaN])('takes no port from %p', (port) => {
    expect(portAt({ port }, 'port')).toBeUndefined();
  });

  it('gives nothing for what is cut off', () => {
    expect(parseJson('{"a": [1, 2')).toBeUndefined();
    expect(parseJson('{"a": [1, 2]}')).toEqual({ a: [1, 2] });
  });
});
