// Servers that break one rule each, and which audits must say so: exactly these.
//
// `incoming(text, memory)` answers the texts that the implementation gets instead, `outgoing(message,
// memory)` the messages that the client gets, `closing(code, reason)` what the socket is closed with.
// *alsoMay*: what can follow from the fault where a message that comes twice is taken for the next.

const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** A server that passes over messages that *isWrong* instead of closing. */
const deaf = (id, isWrong, more = []) => ({
  breaks: [`message/${id}`, ...more],
  fault: { incoming: (text) => (isWrong(parse(text), text) ? [] : [text]) },
});

const isSubscribe = (message) => message?.type === 'subscribe';
const asks = (isWrong) => (message) => isSubscribe(message) && isWrong(message.payload ?? {}, message);
const rewriting = (change) => ({
  incoming: (text, memory) => {
    const message = parse(text);
    const changed = message && typeof message === 'object' ? change(message, memory) : undefined;
    return changed === undefined ? [text] : [].concat(changed).map((item) => JSON.stringify(item));
  },
});

/** A server that closes with another code where it should with *code*. */
const closes = (code, other, ...breaks) => ({
  breaks,
  fault: { closing: (found, reason) => [found === code ? other : found, reason] },
});

const PAYLOAD_AUDITS = ['init/payload-string', 'init/payload-number', 'init/payload-boolean', 'init/payload-array'];

export const faults = {
  'chooses no sub-protocol': {
    breaks: ['handshake/among-others'],
    fault: { protocols: (offered) => (offered.size > 1 ? [...offered].at(-1) : [...offered][0]) },
  },
  'takes any sub-protocol': {
    breaks: ['handshake/other', 'handshake/none'],
    fault: {
      protocols: (offered) => [...offered].find((name) => name === 'graphql-transport-ws') ?? [...offered][0],
      closing: (code, reason) => [code === 4406 ? undefined : code, reason],
    },
  },
  'closes with 1002 for 4406': closes(4406, 1002, 'handshake/none'),
  'closes with 4400 for 4408': closes(4408, 4400, 'init/timeout', 'init/timeout-despite-pings'),
  'never loses patience': {
    breaks: ['init/timeout', 'init/timeout-despite-pings'],
    fault: { closing: (code, reason) => [code === 4408 ? undefined : code, reason] },
  },
  'closes with 4400 for 4429': closes(4429, 4400, 'init/twice', 'init/twice-at-once'),
  'closes with 4403 for 4401': closes(4401, 4403, 'init/subscribe-before', 'init/subscribe-behind'),
  'closes with 4401 for 4403': closes(4403, 4401, 'init/rejected-4403'),
  'closes with 4400 for 4409': closes(
    4409, 4400,
    'operation/4409', 'operation/4409-any-type', 'operation/4409-at-once', 'operation/4409-query', 'operation/4409-reason',
  ),
  'gives no reason for 4409': {
    breaks: ['operation/4409-reason'],
    fault: { closing: (code, reason) => [code, code === 4409 ? 'No' : reason] },
  },
  'acknowledges everybody': {
    breaks: ['init/rejected'],
    fault: {
      closing: (code, reason, { write }) => {
        if (code === 4403) write({ type: 'connection_ack' });
        return [code, reason];
      },
    },
  },
  'acknowledges with a text': {
    breaks: ['init/ack'],
    fault: { outgoing: (message) => [message.type === 'connection_ack' ? { ...message, payload: 'hello' } : message] },
  },
  'takes a second connection_init': {
    breaks: ['init/twice', 'init/twice-at-once'],
    fault: rewriting((message, memory) => {
      if (message.type !== 'connection_init' || typeof message.payload !== 'object') return undefined;
      memory.inits = (memory.inits ?? 0) + 1;
      return memory.inits > 1 ? [] : undefined;
    }),
  },
  'takes any payload of connection_init': {
    breaks: PAYLOAD_AUDITS,
    fault: rewriting((message) =>
      message.type === 'connection_init' && (typeof message.payload !== 'object' || Array.isArray(message.payload))
        ? { type: message.type } : undefined),
  },
  'takes no null for a payload': {
    breaks: ['init/null-payload', 'ping/payload', 'pong/unsolicited'],
    fault: rewriting((message) => (message.payload === null ? { type: 'x' } : undefined)),
  },
  'needs a hello for its first ping': {
    breaks: ['ping/before-init'],
    fault: rewriting((message, memory) => {
      memory.isInit ||= message.type === 'connection_init';
      return message.type === 'ping' && !memory.isInit ? [] : undefined;
    }),
  },
  'is deaf for pings while it streams': {
    breaks: ['ping/while-streaming', 'complete/one-of-two', 'operation/ids-of-others', 'operation/only-known-ids'],
    fault: rewriting((message, memory) => {
      memory.active ??= new Set();
      if (isSubscribe(message) && message.payload?.query?.includes?.('told')) memory.active.add(message.id);
      if (message.type === 'complete') memory.active.delete(message.id);
      return message.type === 'ping' && memory.active.size ? [] : undefined;
    }),
  },
  'answers one ping of two': {
    breaks: ['ping/each', 'ping/payload', 'socket/fragments'],
    fault: {
      outgoing: (message, memory) => {
        if (message.type !== 'pong') return [message];
        memory.pongs = (memory.pongs ?? 0) + 1;
        return memory.pongs > 1 ? [] : [message];
      },
    },
    alsoMay: ['complete/before-result'],
  },
  'forgets the payload of a ping': {
    breaks: ['ping/echo'],
    fault: { outgoing: (message) => [message.type === 'pong' ? { type: 'pong' } : message] },
  },
  'wants no pong': {
    breaks: ['pong/unsolicited', 'init/timeout-despite-pings'],
    fault: rewriting((message) =>
      message.type === 'pong' && typeof message.payload !== 'string' && typeof message.payload !== 'number' && !Array.isArray(message.payload)
        ? { type: 'x' } : undefined),
  },
  'takes any payload of a ping': {
    breaks: ['ping/payload-type', 'ping/echo'],
    fault: rewriting((message) => (message.type === 'ping' && message.payload ? { type: 'ping' } : undefined)),
  },
  'takes any payload of a pong': {
    breaks: ['pong/payload-type'],
    fault: rewriting((message) => (message.type === 'pong' ? { type: 'pong' } : undefined)),
  },

  'is deaf for what is no JSON': deaf('no-json', (message, text) => message === undefined && text.startsWith('{'), []),
  'is deaf for nothing': deaf('empty', (_, text) => text === ''),
  'is deaf for lists': deaf('array', (message) => Array.isArray(message)),
  'is deaf for null': deaf('null', (message) => message === null),
  'is deaf for numbers': deaf('number', (message) => typeof message === 'number'),
  'is deaf for texts': deaf('text', (message) => typeof message === 'string'),
  'is deaf for nests': deaf('deep', (_, text) => text.startsWith('[[[')),
  'is deaf for what has no type': deaf('no-type', (message) => message?.id && message.type === undefined),
  'is deaf for types that are no text': deaf('type-type', (message) => typeof message?.type === 'number'),
  'is deaf for unknown types': deaf('unknown-type', (message) => message?.type === 'start'),
  'reads types in any letters': deaf('type-case', (message) => message?.type === 'Ping'),
  'is deaf for subscribe without id': deaf('subscribe-no-id', asks((_, message) => message.id === undefined)),
  'is deaf for ids that are no text': deaf('subscribe-id-type', asks((_, message) => typeof message.id === 'number')),
  'takes empty ids': deaf('subscribe-id-empty', asks((_, message) => message.id === '')),
  'is deaf for subscribe without payload': deaf('subscribe-no-payload', asks((_, message) => message.payload === undefined)),
  'is deaf for payloads that are text': deaf('subscribe-payload-type', asks((payload) => typeof payload === 'string')),
  'is deaf for payloads without query': deaf('subscribe-no-query', asks((payload, message) => message.payload && typeof payload === 'object' && payload.query === undefined)),
  'is deaf for queries that are no text': deaf('subscribe-query-type', asks((payload) => typeof payload.query === 'number')),
  'is deaf for variables that are a list': deaf('subscribe-variables-type', asks((payload) => Array.isArray(payload.variables))),
  'is deaf for names that are no text': deaf('subscribe-name-type', asks((payload) => typeof payload.operationName === 'number')),
  'is deaf for extensions that are text': deaf('subscribe-extensions-type', asks((payload) => typeof payload.extensions === 'string')),
  'is deaf for complete without id': deaf('complete-no-id', (message) => message?.type === 'complete' && message.id === undefined),
  'is deaf for complete with a number': deaf('complete-id-type', (message) => message?.type === 'complete' && typeof message.id === 'number'),
  'is deaf for nonsense': deaf('before-init', (_, text) => text === 'nonsense', ['message/nothing-behind']),
  'is deaf for next': deaf('from-server-next', (message) => message?.type === 'next'),
  'is deaf for error': deaf('from-server-error', (message) => message?.type === 'error'),
  'is deaf for connection_ack': deaf('from-server-connection_ack', (message) => message?.type === 'connection_ack'),
  'takes no null for an option': {
    breaks: ['message/optional-null'],
    fault: rewriting((message) => (message.payload?.extensions === null ? { type: 'x' } : undefined)),
  },
  'is strict about members': {
    breaks: ['message/more'],
    fault: rewriting((message) => ('more' in message ? { type: 'x' } : undefined)),
  },
  'works on behind a broken message': {
    breaks: ['message/nothing-behind'],
    fault: {
      closing: (code, reason, memory) => {
        if (code !== 4400) return [code, reason];
        setTimeout(memory.close, 30, code, reason);
        return [];
      },
    },
  },
  'vanishes on bytes': {
    breaks: ['message/binary', 'message/binary-nonsense'],
    fault: {
      incoming: (text, _, { isBinary, socket }) => {
        if (!isBinary) return [text];
        socket.terminate();
        return [];
      },
    },
  },

  'says complete twice': {
    breaks: ['operation/query', 'operation/mutation', 'operation/wrong-variables', 'complete/late', 'operation/many'],
    fault: { outgoing: (message) => (message.type === 'complete' ? [message, message] : [message]) },
    alsoMay: ['complete/by-server', 'complete/id-free-after-server', 'complete/id-free-after-client', 'complete/id-free-after-error', 'operation/ids'],
  },
  'says next twice': {
    breaks: ['operation/query', 'operation/mutation', 'operation/many'],
    fault: { outgoing: (message) => (message.type === 'next' ? [message, message] : [message]) },
    alsoMay: ['message/optional-null', 'operation/ids', 'operation/wrong-variables', 'complete/id-free-after-server', 'complete/id-free-after-error', 'complete/late'],
  },
  'says complete after error': {
    breaks: ['operation/invalid', 'operation/unknown-name', 'operation/no-name', 'complete/late', 'complete/id-free-after-error'],
    fault: {
      outgoing: (message) => (message.type === 'error' ? [message, { id: message.id, type: 'complete' }] : [message]),
    },
  },
  'tells errors as next': {
    breaks: ['operation/invalid', 'operation/unknown-name', 'operation/many', 'complete/late', 'complete/id-free-after-error'],
    fault: {
      outgoing: (message) =>
        message.type === 'error'
          ? [{ ...message, type: 'next', payload: { errors: message.payload } }, { id: message.id, type: 'complete' }]
          : [message],
    },
  },
  'tells one error instead of a list': {
    breaks: ['operation/invalid', 'operation/unknown-name', 'operation/no-name'],
    fault: { outgoing: (message) => [message.type === 'error' ? { ...message, payload: message.payload[0] } : message] },
  },
  'wraps results': {
    breaks: ['operation/query', 'operation/mutation', 'operation/subscription', 'operation/many', 'operation/name', 'operation/wrong-variables', 'complete/at-once', 'complete/id-free-after-client'],
    fault: {
      outgoing: (message) => [message.type === 'next' ? { ...message, payload: { result: message.payload } } : message],
    },
  },
  'ends subscriptions after one event': {
    breaks: ['operation/subscription', 'complete/one-of-two', 'complete/ends-events'],
    fault: {
      outgoing: (message) =>
        message.type === 'next' && message.payload.data?.told ? [message, { id: message.id, type: 'complete' }] : [message],
    },
    alsoMay: ['operation/only-known-ids', 'complete/id-free-after-client', 'operation/many'],
  },
  'executes the first operation': {
    breaks: ['operation/name', 'operation/no-name', 'operation/unknown-name'],
    fault: rewriting((message) =>
      isSubscribe(message) && message.payload?.query?.startsWith?.('query A')
        ? { ...message, payload: { query: message.payload.query, operationName: 'A' } } : undefined),
  },
  'wants no extensions': {
    breaks: ['operation/extensions'],
    fault: rewriting((message) => (message.payload?.extensions?.any ? { type: 'x' } : undefined)),
  },
  'wants short ids': {
    breaks: ['operation/ids'],
    fault: rewriting((message) => (message.id?.length > 100 ? { type: 'x' } : undefined)),
  },
  'lets an id be used twice': {
    breaks: ['operation/4409', 'operation/4409-any-type', 'operation/4409-at-once', 'operation/4409-query', 'operation/4409-reason'],
    fault: {
      incoming: (text, memory) => {
        const message = parse(text);
        memory.ids ??= new Map();
        if (isSubscribe(message) && typeof message.id === 'string' && message.payload?.query) {
          const inner = memory.ids.has(message.id) ? `${message.id}\u0000${memory.ids.size}` : message.id;
          memory.ids.set(inner, message.id);
          return [JSON.stringify({ ...message, id: inner })];
        }
        if (message?.type === 'complete') for (const [inner, id] of memory.ids) if (id === message.id) memory.ids.delete(inner);
        return [text];
      },
      outgoing: (message, memory) => {
        const id = memory.ids?.get(message.id);
        if (message.type !== 'next') memory.ids?.delete(message.id);
        return [id === undefined ? message : { ...message, id }];
      },
    },
  },
  'knows only subscriptions when it looks for an id': {
    breaks: ['operation/4409-any-type'],
    fault: rewriting((message, memory) => {
      memory.subscriptions ??= new Set();
      if (!isSubscribe(message)) return undefined;
      if (message.payload?.query?.includes?.('told')) memory.subscriptions.add(message.id);
      else if (memory.subscriptions.has(message.id) && message.payload?.query === '{ name }') return [];
      return undefined;
    }),
  },
  'keeps an id for ever': {
    breaks: ['complete/id-free-after-server', 'complete/id-free-after-client', 'complete/id-free-after-error', 'complete/at-once'],
    fault: {
      incoming: (text, memory, { socket }) => {
        const message = parse(text);
        memory.ids ??= new Set();
        if (isSubscribe(message) && memory.ids.has(message.id)) socket.close(4409, `Subscriber for ${message.id} already exists`);
        else if (isSubscribe(message) && message.id && message.payload?.query) memory.ids.add(message.id);
        else return [text];
        return socket.readyState === 1 ? [text] : [];
      },
    },
  },
  'does not hear the client complete': {
    breaks: ['complete/ends-events', 'complete/before-result', 'complete/at-once', 'complete/id-free-after-client'],
    fault: rewriting((message) => (message.type === 'complete' && typeof message.id === 'string' ? [] : undefined)),
  },
  'answers the client complete': {
    breaks: ['complete/ends-events', 'complete/before-result', 'complete/late', 'complete/unknown', 'complete/by-server'],
    fault: {
      incoming: (text, { write }) => {
        const message = parse(text);
        if (message?.type === 'complete' && typeof message.id === 'string') write({ id: message.id, type: 'complete' });
        return [text];
      },
    },
    alsoMay: ['complete/id-free-after-client', 'complete/at-once'],
  },
  'completes all when one is completed': {
    breaks: ['complete/one-of-two'],
    fault: rewriting((message, memory) => {
      memory.ids ??= new Set();
      if (isSubscribe(message) && typeof message.id === 'string') memory.ids.add(message.id);
      return message.type === 'complete' && typeof message.id === 'string'
        ? [...memory.ids, message.id].map((id) => ({ id, type: 'complete' })) : undefined;
    }),
    alsoMay: ['complete/late'],
  },
  'is strict about complete': {
    breaks: ['complete/unknown'],
    fault: rewriting((message) => (message.id === 'never' ? { type: 'x' } : undefined)),
  },
  'forgets to complete': {
    breaks: ['complete/by-server'],
    fault: {
      outgoing: (message, memory) => {
        memory.isFinite ||= message.payload?.data?.three !== undefined;
        return message.type === 'complete' && memory.isFinite ? [] : [message];
      },
    },
  },
  'is deaf for huge messages': {
    breaks: ['socket/oversized'],
    fault: { incoming: (text) => (text.length > 1_000_000 ? [] : [text]) },
  },
};
