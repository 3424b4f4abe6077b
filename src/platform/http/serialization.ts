/** Serializers of replies, one a schema: hundreds of replies are the same problem, and each costs milliseconds at the start. */
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';

type Compile = ReturnType<ReturnType<typeof SerializerSelector>>;

export function serializerCompiler(...shared: Parameters<ReturnType<typeof SerializerSelector>>): Compile {
  const compile = SerializerSelector()(...shared);
  const made = new Map<string, ReturnType<Compile>>();
  return (route) => {
    const key = JSON.stringify(route.schema);
    const serialize = made.get(key) ?? compile(route);
    made.set(key, serialize);
    return serialize;
  };
}
