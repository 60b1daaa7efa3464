// Reads what jest wrote with --json.
//
//   results.mjs repeatable FIRST        exit code 0 if what failed may be run once more
//   results.mjs count FIRST [SECOND]    prints "PASSED FAILED SKIPPED" of both runs together; names on
//                                       standard error what failed at first of the files in SECOND
//
// Files that meet real processes, sockets and databases may fail by chance, and a few of them get a
// second run, alone; a core under a virtual clock fails for a reason, and gets none (ADR 0138).
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const REPEATABLE = /^test\/(integration|interop)\//;
const FILES_MAX = 2;

const [command, first, second] = process.argv.slice(2);

const read = (file) => JSON.parse(readFileSync(file, 'utf8')).testResults;
const failed = (results) => results.filter(({ status }) => status === 'failed');
const pathOf = ({ name }) => relative(process.cwd(), name);
const testsOf = (results) => results.flatMap((file) => file.assertionResults);
const isFailed = (test) => test.status === 'failed';

/** A file that could not even be loaded has no tests to count, and counts as one. */
const countFailed = (results) =>
  testsOf(results).filter(isFailed).length +
  failed(results).filter((file) => !file.assertionResults.some(isFailed)).length;

function isRepeatable(results) {
  const files = failed(results).map(pathOf);
  return (
    files.length > 0 && files.length <= FILES_MAX && files.every((file) => REPEATABLE.test(file))
  );
}

function count(results, repeated) {
  const names = new Set(repeated.map(pathOf));
  const all = [...results.filter((file) => !names.has(pathOf(file))), ...repeated];
  const tests = testsOf(all);
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const skipped = tests.filter(({ status }) => ['pending', 'todo'].includes(status)).length;
  for (const file of results.filter((each) => names.has(pathOf(each))))
    for (const test of file.assertionResults.filter(isFailed))
      process.stderr.write(`FAILED AT FIRST: ${pathOf(file)}: ${test.fullName}\n`);
  return `${passed} ${countFailed(all)} ${skipped}`;
}

if (command === 'repeatable') process.exitCode = isRepeatable(read(first)) ? 0 : 1;
else process.stdout.write(`${count(read(first), second ? read(second) : [])}\n`);
