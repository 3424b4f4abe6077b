/** Sends a request as it is, and holds the reply against the document and against what was expected. */
import { Agent, type IncomingMessage, request as open } from 'node:http';
import { checkReply, type SeenReply } from '../contract.js';
import { type DatabaseState, differences } from './database-state.js';
import type { FuzzRequest } from './requests.js';

/** Every reply of a test has come by then: no request waits for longer than a second. */
const patienceMilliseconds = 30_000;

export type Exchange = {
  /** Throws where the reply is not as it must be. */
  send(request: FuzzRequest): Promise<SeenReply>;
  close(): void;
};

type Options = {
  origin: string;
  /** of each caller */
  secrets: readonly string[];
  readState: () => Promise<DatabaseState>;
};

/** Operations whose items are judged one by one: what is wrong with one of them is told in a 200. */
const judgesItems = /^\/v1\/activities(\?|$)/;

/** Refusals that are kept on purpose, by operation and code: the tables that they may write into, and why. */
const kept: { target: RegExp; codes: string[]; tables: string[] }[] = [
  {
    // what was staged of an import that failed is there to be looked at, and the import says why it failed
    target: /^\/v1\/imports/,
    codes: ['rule_broken', 'too_large', 'digest_mismatch'],
    tables: ['audit_entries', 'import_chunks', 'imports', 'outbox'],
  },
];

export async function openExchange({ origin, secrets, readState }: Options): Promise<Exchange> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let state = await readState();

  /** The tables that a refused write has changed. */
  async function changedBy(request: FuzzRequest, reply: SeenReply): Promise<string[]> {
    if (['GET', 'HEAD'].includes(request.method)) {
      // whoever asks for a fresh answer has the customer judged
      if (/[?&]max_age=/.test(request.target)) state = await readState();
      return [];
    }
    const before = state;
    state = await readState();
    if (reply.status < 400) return [];
    const { code } = JSON.parse(reply.text) as { code: string };
    const may = kept.filter(({ target, codes }) => target.test(request.target) && codes.includes(code));
    return differences(before, state).filter((name) => !may.some(({ tables }) => tables.includes(name)));
  }

  return {
    async send(request) {
      const reply = await exchange(agent, origin, secrets[request.caller] ?? '', request);
      const changed = await changedBy(request, reply);
      checkReply(origin, request.method, request.target, reply);
      const told = `${reply.status} ${reply.text.slice(0, 1000)}`;
      if (reply.status >= 500) throw new Error(told);
      if (request.expected === 'valid' && [400, 415].includes(reply.status))
        throw new Error(`the document admits it, the service does not: ${told}`);
      if (request.expected === 'refused' && !isRefusal(request, reply))
        throw new Error(`the document does not admit it, the service does: ${told}`);
      if (changed.length > 0)
        throw new Error(`it was refused, and has changed ${changed.join(', ')}: ${told}`);
      return reply;
    },
    close: () => agent.destroy(),
  };
}

function isRefusal({ target }: FuzzRequest, { status, text }: SeenReply): boolean {
  if (status >= 400) return true;
  return status === 200 && judgesItems.test(target) && JSON.parse(text).rejected.length > 0;
}

function exchange(agent: Agent, origin: string, secret: string, request: FuzzRequest): Promise<SeenReply> {
  const { method, target, headers, body } = request;
  return new Promise((resolve, reject) => {
    const sent = open(origin, {
      agent,
      method,
      path: target,
      timeout: patienceMilliseconds,
      headers: {
        authorization: `Bearer ${secret}`,
        ...(body === undefined ? {} : { 'content-length': body.length }),
        ...headers,
      },
    });
    sent.on('timeout', () => sent.destroy(new Error('no reply in time')));
    sent.on('error', reject);
    sent.on('response', (reply) => {
      // a refusal can come before the body was read: then the connection is closed
      sent.removeListener('error', reject);
      sent.on('error', () => undefined);
      readReply(reply).then(resolve, reject);
    });
    sent.end(body);
  });
}

async function readReply(reply: IncomingMessage): Promise<SeenReply> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(reply.headersDistinct))
    headers.set(name, (value ?? []).join(', '));
  const status = reply.statusCode ?? 0;
  // a stream has no end: that it began is enough
  if (headers.get('content-type')?.startsWith('text/event-stream') === true) {
    reply.destroy();
    return { status, headers, text: '' };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of reply) chunks.push(chunk as Buffer);
  return { status, headers, text: Buffer.concat(chunks).toString('utf8') };
}

/** A request as it can be read in a report. */
export function described({ what, expected, caller, method, target, headers, body }: FuzzRequest): string {
  const short = (text: string) => (text.length > 2000 ? `${text.slice(0, 2000)}… (${text.length})` : text);
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${short(value)}`);
  const lines = [
    `${method} ${short(target)}`,
    ...fields,
    '',
    body === undefined ? '' : short(body.toString('utf8')),
  ];
  return `${what} (${expected}, caller ${caller})\n${lines.join('\n')}`;
}
