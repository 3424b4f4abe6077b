/**
 * Traces, as the service speaks of them: what a request led to, over processes, with how long each part took. Names
 * and attributes are of the service's own: routes, operations, queues, codes. Never a path, a query, an id or a body.
 */

type Attributes = Readonly<Record<string, string | number>>;

export type SpanOptions = {
  kind?: 'server' | 'producer' | 'consumer';
  attributes?: Attributes;
  /** W3C `traceparent` of what led to it; a trace of its own where there is none */
  parent?: string | undefined;
  /** of other things that led to it */
  links?: readonly string[];
  /** milliseconds since 1970; now where nothing is said */
  startedAt?: number;
};

export type Span = {
  /** W3C `traceparent`: what follows from it names it as its parent */
  readonly traceparent: string;
  begin(name: string, attributes?: Attributes): Span;
  set(attributes: Attributes): void;
  /** @param failure its type, where it failed */
  end(failure?: string): void;
};

export type Tracer = {
  begin(name: string, options?: SpanOptions): Span;
  /** Hands over what is left, in bounded time. */
  close(): Promise<void>;
};

/** The code or the kind of an error; its message may hold what was sent. */
export function failureOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  for (const one of [code, name]) if (typeof one === 'string' && /^\w{1,64}$/.test(one)) return one;
  return 'error';
}

/** Runs `work` within a span, where there is one. */
export async function within<T>(span: Span | undefined, work: () => Promise<T>): Promise<T> {
  try {
    const value = await work();
    span?.end();
    return value;
  } catch (error) {
    span?.end(failureOf(error));
    throw error;
  }
}
