/** Serializers of replies, one a schema: hundreds of replies are the same problem, and each costs milliseconds at the start. */
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';
import { type Components, referredFrom } from './references.js';

type Build = ReturnType<typeof SerializerSelector>;
type Compile = ReturnType<Build>;

export function serializerCompiler(shared: Parameters<Build>[0], options: Parameters<Build>[1]): Compile {
  const build = SerializerSelector();
  const referred = referredFrom(shared as Components);
  const made = new Map<string, ReturnType<Compile>>();
  return (route) => {
    const key = JSON.stringify(route.schema);
    const serialize = made.get(key) ?? build(referred(route.schema) as Parameters<Build>[0], options)(route);
    made.set(key, serialize);
    return serialize;
  };
}
