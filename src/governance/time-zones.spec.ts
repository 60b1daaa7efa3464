import { expect, it } from '@jest/globals';
import { isTimeZone } from './time-zones.js';

it.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5', 'Asia/Kolkata'])(
  'knows %s',
  (name) => expect(isTimeZone(name)).toBe(true),
);

it.each([
  '',
  'Mars/Olympus',
  '+02:00',
  '-05',
  'Europe/Berlin\0',
  ' UTC',
  '../etc/passwd',
  'Z\u202E',
])('does not know %j', (name) => expect(isTimeZone(name)).toBe(false));
