// "Subscribe", "Next" and "Error".
import { expect } from '../probe.mjs';

const isErrors = (payload) =>
  Array.isArray(payload) && payload.length > 0 && payload.every((error) => typeof error?.message === 'string');

const isResult = (payload) =>
  typeof payload === 'object' && payload !== null && !Array.isArray(payload) && ('data' in payload || 'errors' in payload);

const single = (kind) => ({
  id: `operation/${kind}`,
  level: 'MUST',
  name: `answer a ${kind} with one next and one complete`,
  needs: [kind],
  async check({ connect, options }) {
    const probe = await connect();
    const next = await probe.subscribe('a', options[kind]).of('a', 'next');
    expect(isResult(next.payload), `${JSON.stringify(next.payload)} is no result`);
    const complete = await probe.of('a', 'complete');
    expect(!('payload' in complete), 'complete has a payload');
    await probe.nothingMore('a', 2);
  },
});

const refused = (id, name, payload, level = 'MUST') => ({
  id: `operation/${id}`,
  level,
  name: `answer ${name} with error, nothing after it, and go on`,
  async check({ connect, options }) {
    const probe = await connect();
    const error = await probe.subscribe('a', payload(options)).of('a', 'error');
    expect(isErrors(error.payload), `${JSON.stringify(error.payload)} is no list of errors`);
    await probe.nothingMore('a', 1);
    await probe.lives();
  },
});

const ODD_IDS = ['__proto__', 'constructor', 'toString', ' ', '0', 'ä🏃', '"\\', 'x'.repeat(1000)];

export const operations = [
  single('query'),
  single('mutation'),
  {
    id: 'operation/subscription',
    level: 'MUST',
    name: 'answer a subscription with next, and keep it',
    async check({ connect, options }) {
      const probe = await connect();
      const next = await probe.subscribe('a', options.subscription).of('a', 'next');
      expect(isResult(next.payload), `${JSON.stringify(next.payload)} is no result`);
      await probe.quiet();
      expect(probe.all('a').every(({ type }) => type === 'next'), 'the subscription ended');
    },
  },
  refused('syntax-error', 'a document that cannot be parsed', () => ({ query: 'query {' }), 'SHOULD'),
  refused('empty-query', 'an empty document', () => ({ query: '' }), 'SHOULD'),
  refused('invalid', 'a document that is not valid', (options) => options.invalid),
  refused('unknown-name', 'an operationName that is none', () => ({
    query: 'query A { __typename } query B { __typename }',
    operationName: 'C',
  })),
  {
    id: 'operation/no-name',
    level: 'MUST',
    name: 'refuse several operations where none is named',
    async check({ connect }) {
      const probe = await connect();
      probe.subscribe('a', { query: 'query A { __typename } query B { __typename }' });
      await endsWithErrors(probe);
    },
  },
  {
    id: 'operation/wrong-variables',
    level: 'MUST',
    name: 'answer variables that cannot be coerced with errors, and end',
    async check({ connect }) {
      const probe = await connect();
      const query = 'query ($a: Boolean!) { __typename @include(if: $a) }';
      probe.subscribe('a', { query, variables: { a: 'x' } });
      await endsWithErrors(probe);
    },
  },
  {
    id: 'operation/name',
    level: 'MUST',
    name: 'execute the operation that operationName names',
    async check({ connect }) {
      const probe = await connect();
      const query = 'query A { a: __typename } query B { b: __typename }';
      const next = await probe.subscribe('a', { query, operationName: 'B' }).of('a', 'next');
      expect(next.payload.data?.b, `the data is ${JSON.stringify(next.payload.data)}`);
    },
  },
  {
    id: 'operation/extensions',
    level: 'MUST',
    name: 'take extensions in a payload',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', { ...options.query, extensions: { any: { thing: 1 } } }).of('a', 'next');
    },
  },
  {
    id: 'operation/many',
    level: 'MUST',
    name: 'execute operations side by side, each under its id',
    async check({ connect, options }) {
      const probe = await connect();
      probe.subscribe('s', options.subscription).subscribe('e', options.invalid);
      for (let i = 0; i < 10; i += 1) {
        probe.subscribe(`q${i}`, { query: `{ a${i}: __typename }` });
      }
      for (let i = 0; i < 10; i += 1) {
        const done = () => (probe.all(`q${i}`).length === 2 ? probe.all(`q${i}`) : undefined);
        const found = await probe.until(done);
        expect(found, `q${i} did not end`);
        const [next, complete] = found;
        expect(next.type === 'next' && next.payload.data?.[`a${i}`], `q${i} got another result`);
        expect(complete.type === 'complete', `q${i} ended with ${complete.type}`);
      }
      const rest = () => (probe.all('s').length && probe.all('e').length ? true : undefined);
      expect(await probe.until(rest), 'the subscription or the error did not come');
      expect(probe.all('s')[0].type === 'next', 'the subscription has no result');
      expect(probe.all('e')[0].type === 'error', 'the invalid one has no error');
    },
  },
  {
    id: 'operation/ids',
    level: 'MUST',
    name: 'take any text for an id',
    async check({ connect }) {
      const probe = await connect();
      for (const id of ODD_IDS) {
        await probe.subscribe(id, { query: '{ __typename }' }).of(id, 'next');
        await probe.of(id, 'complete');
      }
    },
  },
  {
    id: 'operation/ids-of-others',
    level: 'MUST',
    name: 'keep the ids of connections apart',
    async check({ connect, options }) {
      const probes = [await connect(), await connect()];
      for (const probe of probes) await probe.subscribe('a', options.subscription).of('a', 'next');
      await probes[0].complete('a').lives();
      await probes[1].lives();
      expect(!probes[1].end, 'the other was closed');
    },
  },
  {
    id: 'operation/only-known-ids',
    level: 'MUST',
    name: 'send no message but those of the protocol, each with what it needs',
    async check({ connect, options }) {
      const probe = await connect();
      probe.subscribe('a', options.subscription).subscribe('b', options.query).subscribe('c', options.invalid);
      await probe.of('b', 'next');
      await probe.lives();
      await probe.quiet();
      for (const message of probe.messages) {
        const { type, id } = message ?? {};
        const isOfConnection = ['connection_ack', 'ping', 'pong'].includes(type) && id === undefined;
        const isOfOperation = ['next', 'error', 'complete'].includes(type) && ['a', 'b', 'c'].includes(id);
        expect(isOfConnection || isOfOperation, `${JSON.stringify(message).slice(0, 200)} came`);
      }
    },
  },
  {
    id: 'operation/4409',
    level: 'MUST',
    name: 'close with 4409 on a second subscription with an active id',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.subscription).of('a', 'next');
      await probe.subscribe('a', options.subscription).closes(4409);
    },
  },
  {
    id: 'operation/4409-any-type',
    level: 'MUST',
    name: 'close with 4409 on a query with the id of an active subscription',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.subscription).of('a', 'next');
      await probe.subscribe('a', options.query).closes(4409);
    },
  },
  {
    id: 'operation/4409-at-once',
    level: 'MUST',
    name: 'close with 4409 when two subscriptions with one id come at once',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.subscription).subscribe('a', options.subscription).closes(4409);
    },
  },
  {
    id: 'operation/4409-query',
    level: 'MUST',
    name: 'close with 4409 on the id of a query that has not ended',
    needs: ['slow'],
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.slow).subscribe('a', options.slow).closes(4409);
    },
  },
  {
    id: 'operation/4409-reason',
    level: 'SHOULD',
    name: 'name the id in the reason of 4409',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a7', options.subscription).of('a7', 'next');
      const { reason } = await probe.subscribe('a7', options.subscription).closes(4409);
      expect(reason === 'Subscriber for a7 already exists', `the reason is ${reason}`);
    },
  },
];

async function endsWithErrors(probe) {
  const last = await probe.until(() => probe.all('a').find(({ type }) => type !== 'next'));
  expect(last, 'the operation did not end');
  const first = probe.all('a')[0];
  const errors = first.type === 'error' ? first.payload : first.payload?.errors;
  expect(isErrors(errors), `${JSON.stringify(first).slice(0, 200)} has no errors`);
  await probe.nothingMore('a', first.type === 'error' ? 1 : 2);
  await probe.lives();
}
