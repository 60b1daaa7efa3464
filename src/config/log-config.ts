import { ChoiceKnob } from './knob.js';

/** What is written to standard error, and how. */
export class LogConfig {
  /** Least important level that is written. Default info. */
  @ChoiceKnob({
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    effect: 'Least important level that is written.',
  })
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' = 'info';

  /** One JSON object a line, or lines for people; auto asks whether a terminal listens. Default auto. */
  @ChoiceKnob({
    choices: ['json', 'pretty', 'auto'],
    effect:
      'JSON lines for programs, or lines for people; auto is pretty on a terminal, else json.',
  })
  readonly format: 'json' | 'pretty' | 'auto' = 'auto';
}
