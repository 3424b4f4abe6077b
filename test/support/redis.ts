/** A Redis that tests share: each has its own prefix, and takes back what stands below it. */
import { Redis } from 'ioredis';

export async function clearRedis(url: string | undefined, prefix: string): Promise<void> {
  if (url === undefined) return;
  const redis = new Redis(url);
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 }))
    if (keys.length > 0) await redis.del(keys as string[]);
  redis.disconnect();
}
