import type { Job } from '../platform/jobs.js';

export const segmentJobs = (_deps: unknown): Job[] => [];
