/** Calls of the public API, with the patience that a client of it should have. */
import { setTimeout as sleep } from 'node:timers/promises';

export type Problem = { status: number; code?: string; detail?: string; errors?: FieldProblem[] };
type FieldProblem = { pointer: string; message: string };
export type Answer<T> = { status: number; body: T };

export type Api = {
  /** Answers below 400, and those named in `also`; others are an error of one line. */
  call<T>(method: string, path: string, body?: unknown, also?: readonly number[]): Promise<Answer<T>>;
};

const maximumAttempts = 8;

export function openApi(options: { url: string; key: string }): Api {
  const origin = options.url.replace(/\/+$/, '');
  let hasAnswered = false;
  const once = async (method: string, path: string, body: unknown) => {
    const reply = await fetch(origin + path, {
      method,
      headers: {
        authorization: `Bearer ${options.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    hasAnswered = true;
    return { reply, text: await reply.text() };
  };
  return {
    async call<T>(method: string, path: string, body?: unknown, also: readonly number[] = []) {
      for (let attempt = 1; ; attempt += 1) {
        const answer = await once(method, path, body).catch((error: unknown) => {
          // a service that is there may be starting again; one that was never there is a wrong address
          if (hasAnswered && attempt < maximumAttempts) return undefined;
          throw new Error(
            `nothing answers at ${origin} (${reasonOf(error)}). Is the service running? npm start`,
          );
        });
        if (answer !== undefined) {
          const { reply, text } = answer;
          if (reply.status < 400 || also.includes(reply.status))
            return { status: reply.status, body: parse<T>(text) };
          if (!isPassing(reply.status, text) || attempt >= maximumAttempts)
            throw refusal(method, path, reply.status, text);
        }
        const seconds = Number(answer?.reply.headers.get('retry-after') ?? 0);
        await sleep(Math.max(seconds * 1000, 100 * 2 ** attempt));
      }
    },
  };
}

const parse = <T>(text: string): T => (text === '' ? undefined : JSON.parse(text)) as T;

/** What may be different at the next try. Everything that is sent here can be sent twice. */
function isPassing(status: number, text: string): boolean {
  return [408, 429, 502, 503, 504].includes(status) || (status === 409 && text.includes('in_progress'));
}

function refusal(method: string, path: string, status: number, text: string): Error {
  if (status === 401)
    return new Error('the key was refused: give one that is valid with --key or CLIENTELE_API_KEY');
  if (status === 403) return new Error('the key may not do this: it needs the scope admin');
  let problem: Problem = { status };
  try {
    problem = parse<Problem>(text);
  } catch {
    // something else than the service answered
  }
  const [first] = problem.errors ?? [];
  const what =
    first === undefined ? (problem.detail ?? text.slice(0, 200)) : `${first.pointer} ${first.message}`;
  return new Error(`${method} ${path} was answered ${status} ${problem.code ?? ''}: ${what}`);
}

function reasonOf(error: unknown): string {
  const { code, message } = ((error as { cause?: unknown }).cause ?? error) as {
    code?: string;
    message?: string;
  };
  return code ?? message ?? 'no reason given';
}

/** Works through all of them, so many at a time. */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failed = false;
  const worker = async () => {
    for (let next = iterator.next(); !next.done && !failed; next = iterator.next()) {
      await work(next.value).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
