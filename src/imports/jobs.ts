import type { Job } from '../platform/jobs.js';

export const importJobs = (_deps: unknown): Job[] => [];
