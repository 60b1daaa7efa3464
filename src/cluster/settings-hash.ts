import { createHash } from 'node:crypto';
import type { WeirConfig } from '../config/weir-config.js';
import { countSettings } from './count-settings.js';

/** Short enough for gossip: tells whether replicas agree, and their streams tell on what they do not. */
export function settingsHash(config: WeirConfig): string {
  const settings = JSON.stringify(countSettings(config));
  return createHash('sha256').update(settings).digest('hex').slice(0, 16);
}
