/** A log whose lines a test reads. */
import { createLog, type Logger } from '../../src/platform/log.js';

export function recordedLog(level: string): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog(level, { write: (line: string) => void lines.push(line) }), lines };
}
