// "Invalid message": a type or format that the protocol does not specify.
import { expect } from '../probe.mjs';

const closing = (id, name, message, level = 'MUST') => ({
  id: `message/${id}`,
  level,
  name: `close with 4400 on ${name}`,
  async check({ connect, options }) {
    const probe = await connect();
    await probe.send(typeof message === 'function' ? message(options) : message).closes(4400);
  },
});

const subscribe = (more) => (options) => ({
  id: 'a',
  type: 'subscribe',
  payload: options.query,
  ...more,
});

const asking = (more) => (options) => ({
  id: 'a',
  type: 'subscribe',
  payload: { ...options.query, ...more },
});

export const messages = [
  closing('no-json', 'text that is no JSON', '{"type": "ping"'),
  closing('empty', 'an empty message', ''),
  closing('array', 'a list', [{ type: 'ping' }]),
  closing('null', 'null', 'null'),
  closing('number', 'a number', '5'),
  closing('text', 'a JSON text', '"ping"'),
  closing('deep', 'a nest without an end', '['.repeat(50_000)),
  closing('no-type', 'a message without a type', { id: 'a' }),
  closing('type-type', 'a type that is no text', { type: 5 }),
  closing('unknown-type', 'an unknown type', { type: 'start', id: 'a' }),
  closing('type-case', 'a type in other letters', { type: 'Ping' }),
  closing('subscribe-no-id', 'subscribe without an id', subscribe({ id: undefined })),
  closing('subscribe-id-type', 'subscribe with an id that is no text', subscribe({ id: 1 })),
  closing('subscribe-id-empty', 'subscribe with an empty id', subscribe({ id: '' }), 'SHOULD'),
  closing('subscribe-no-payload', 'subscribe without a payload', subscribe({ payload: undefined })),
  closing('subscribe-payload-type', 'subscribe with a payload that is no object', subscribe({ payload: '{ a }' })),
  closing('subscribe-no-query', 'subscribe without a query', asking({ query: undefined })),
  closing('subscribe-query-type', 'subscribe with a query that is no text', asking({ query: 5 })),
  closing('subscribe-variables-type', 'variables that are no object', asking({ variables: [1] })),
  closing('subscribe-name-type', 'an operationName that is no text', asking({ operationName: 5 })),
  closing('subscribe-extensions-type', 'extensions that are no object', asking({ extensions: 'x' })),
  closing('complete-no-id', 'complete without an id', { type: 'complete' }),
  closing('complete-id-type', 'complete with an id that is no text', { type: 'complete', id: 1 }),
  closing('before-init', 'nonsense, before connection_init as well', 'nonsense'),
  ...['connection_ack', 'next', 'error'].flatMap((type) => {
    const message = { type, id: 'a', payload: type === 'error' ? [{ message: 'x' }] : {} };
    return [
      {
        id: `message/from-server-${type}`,
        level: 'MUST',
        name: `close when a client sends ${type}`,
        async check({ connect }) {
          const probe = await connect();
          const end = await probe.send(message).until(() => probe.end ?? undefined);
          expect(end, 'the socket was not closed');
        },
      },
      closing(`from-server-${type}-4400`, `${type} from a client`, message, 'SHOULD'),
    ];
  }),
  {
    id: 'message/optional-null',
    level: 'MUST',
    name: 'take null for variables, operationName and extensions',
    async check({ connect, options }) {
      const payload = { query: '{ __typename }', variables: null, operationName: null, extensions: null };
      const probe = await connect();
      await probe.subscribe('a', payload).of('a', 'next');
      await probe.of('a', 'complete');
    },
  },
  {
    id: 'message/more',
    level: 'SHOULD',
    name: 'pass over members of a message that it does not know',
    async check({ connect }) {
      const probe = await connect();
      await probe.send({ type: 'ping', more: 1 }).type('pong');
      const subscribe = { type: 'subscribe', more: 1, payload: { query: '{ __typename }', more: 1 } };
      await probe.send({ id: 'a', ...subscribe }).of('a', 'next');
    },
  },
  {
    id: 'message/nothing-behind',
    level: 'MUST',
    name: 'do nothing that is asked behind an invalid message',
    async check({ connect, options }) {
      const probe = await connect();
      probe.send('nonsense').subscribe('a', options.query);
      await probe.closes(4400);
      expect(probe.all('a').length === 0, 'the operation behind it was executed');
    },
  },
  {
    id: 'message/binary',
    level: 'MUST',
    name: 'take a binary message for text, or close with 4400 or 1003',
    async check({ connect }) {
      const probe = await connect();
      probe.raw(Buffer.from('{"type":"ping"}'), { binary: true });
      await probe.until(() => (probe.end || probe.messages.length > 1 ? true : undefined));
      if (probe.messages[1]?.type !== 'pong') await probe.closes(4400, 1003);
    },
  },
  {
    id: 'message/binary-nonsense',
    level: 'MUST',
    name: 'close with 4400 or 1003 on a binary message that is no JSON',
    async check({ connect }) {
      await (await connect()).raw(Buffer.from([0, 255, 1, 254]), { binary: true }).closes(4400, 1003);
    },
  },
];
