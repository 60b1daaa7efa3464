import type { CliCommand } from '../command.js';
import type { CliContext, OutputOptions } from '../context.js';

interface Options extends OutputOptions {
  readonly config?: string;
}

export const configCommand: CliCommand = {
  name: 'config',
  summary: 'check the configuration of a service',
  examples: [
    { run: 'weir config check', does: 'weir.yaml here, and the WEIR_* variables' },
    { run: 'weir config check --config /etc/weir.yaml', does: 'another file' },
  ],
  register: (program, context) => {
    const group = program.command('config').description('check the configuration of a service');
    const check = group
      .command('check')
      .description('validate the configuration, and show what applies and where it comes from');
    context
      .addOutputOptions(check)
      .option('--config <file>', 'the file (default: WEIR_CONFIG, or weir.yaml if there is one)')
      .action((options: Options) => checkConfig(options, context));
  },
};

async function checkConfig(options: Options, context: CliContext): Promise<void> {
  const { loadServiceConfig } = await import('../service-config.js');
  const { config, sources, warnings } = loadServiceConfig(options.config, context.io.env);
  const { describeConfig } = await import('../../config/describe-config.js');
  const knobs = describeConfig(config, sources);
  for (const warning of warnings) context.note(`warning: ${warning}`);
  context.answer(options, {
    json: () => ({
      valid: true,
      warnings: [...warnings],
      settings: knobs.map(({ key, value, source }) => ({ key, value, source })),
    }),
    text: () =>
      `${context.table(
        [
          { title: 'SETTING', text: ({ key }) => key },
          { title: 'VALUE', text: ({ value }) => value },
          { title: 'FROM', text: ({ source }) => source },
        ],
        knobs,
      )}\nThe configuration is valid.\n`,
  });
}
