// "ConnectionInit" and "ConnectionAck".
import { expect } from '../probe.mjs';

const REJECTIONS = [4401, 4403];

export const init = [
  {
    id: 'init/ack',
    level: 'MUST',
    name: 'answer connection_init with connection_ack',
    async check({ open }) {
      const probe = await open();
      probe.init();
      const ack = await probe.type('connection_ack');
      expect(ack.payload === undefined || isObjectOrNull(ack.payload), 'its payload is no object');
    },
  },
  {
    id: 'init/null-payload',
    level: 'MUST',
    name: 'take a payload of null for none',
    async check({ open }) {
      const probe = await open();
      probe.init(null);
      const end = await probe.until(() => probe.messages[0] ?? probe.end ?? undefined);
      const isRight = end?.type === 'connection_ack' || REJECTIONS.includes(end?.code);
      expect(isRight, `${JSON.stringify(end)} came`);
    },
  },
  ...['text', 5, true, ['list']].map((payload) => ({
    id: `init/payload-${Array.isArray(payload) ? 'array' : typeof payload}`,
    level: 'MUST',
    name: `close with 4400 when the payload of connection_init is ${JSON.stringify(payload)}`,
    async check({ open }) {
      const probe = await open();
      await probe.init(payload).closes(4400);
    },
  })),
  {
    id: 'init/timeout',
    level: 'MUST',
    name: 'close with 4408 when no connection_init comes in time',
    async check({ open, options }) {
      const probe = await open();
      await probe.until(() => probe.end ?? undefined, options.initTimeoutMs);
      await probe.closes(4408);
    },
  },
  {
    id: 'init/timeout-despite-pings',
    level: 'MUST',
    name: 'close with 4408 although there are pings meanwhile',
    async check({ open, options }) {
      const probe = await open();
      const timer = setInterval(() => probe.send({ type: 'ping' }, { type: 'pong' }), 100);
      try {
        await probe.until(() => probe.end ?? undefined, options.initTimeoutMs);
        await probe.closes(4408);
      } finally {
        clearInterval(timer);
      }
    },
  },
  {
    id: 'init/no-timeout',
    level: 'MUST',
    name: 'keep an initialised connection that asks for nothing',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.until(() => probe.end ?? undefined, options.initTimeoutMs + 300);
      expect(!probe.end, `the socket was closed with ${probe.end?.code}`);
    },
  },
  {
    id: 'init/twice',
    level: 'MUST',
    name: 'close with 4429 on a second connection_init',
    async check({ connect }) {
      await (await connect()).init().closes(4429);
    },
  },
  {
    id: 'init/twice-at-once',
    level: 'MUST',
    name: 'close with 4429 on a second connection_init right behind the first',
    async check({ open }) {
      const probe = await open();
      await probe.init().init().closes(4429);
    },
  },
  {
    id: 'init/subscribe-before',
    level: 'MUST',
    name: 'close with 4401 on subscribe without connection_init',
    async check({ open, options }) {
      const probe = await open();
      await probe.subscribe('a', options.query).closes(4401);
    },
  },
  {
    id: 'init/subscribe-behind',
    level: 'MUST',
    name: 'acknowledge before it executes, or close with 4401',
    async check({ open, options }) {
      const probe = await open();
      probe.init().subscribe('a', options.query);
      await probe.until(() => (probe.end || probe.all('a').length ? true : undefined));
      if (probe.end) await probe.closes(4401);
      else expect(probe.messages[0]?.type === 'connection_ack', 'the operation came first');
    },
  },
  {
    id: 'init/rejected',
    level: 'MUST',
    name: 'close without connection_ack when it rejects connection_init',
    needs: ['badConnectionParams'],
    async check({ open, options }) {
      const probe = await open();
      const end = await probe.init(options.badConnectionParams).until(() => probe.end ?? undefined);
      expect(probe.messages.length === 0, `${probe.messages[0]?.type} came`);
      expect(end, 'the socket was not closed');
    },
  },
  {
    id: 'init/rejected-4403',
    level: 'SHOULD',
    name: 'close with 4403 when it rejects connection_init',
    needs: ['badConnectionParams'],
    async check({ open, options }) {
      const probe = await open();
      await probe.init(options.badConnectionParams).closes(4403);
    },
  },
];

function isObjectOrNull(value) {
  return typeof value === 'object' && !Array.isArray(value);
}
