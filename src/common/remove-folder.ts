import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';

/** A process that was told to end a moment ago may still write into the folder: that is waited for, 5 s at most. */
const OPTIONS = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 } as const;

/** With all that is in it, if it is there. */
export const removeFolder = (path: string): Promise<void> => rm(path, OPTIONS);

/** For the end of a process, which waits for no promise. */
export const removeFolderSync = (path: string): void => rmSync(path, OPTIONS);
