#!/usr/bin/env node
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { processIo } from './io.js';
import { runCli } from './program.js';

// Every error of a call or a server reaches the person through us; once is enough.
if (process.env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);

process.exitCode = await runCli(process.argv.slice(2), processIo());
