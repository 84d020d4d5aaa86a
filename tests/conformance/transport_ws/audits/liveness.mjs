// "Ping" and "Pong", at any time.
import { expect } from '../probe.mjs';

const PAYLOAD = { at: 1, nested: { text: 'ä' } };

export const liveness = [
  {
    id: 'ping/before-init',
    level: 'MUST',
    name: 'answer a ping before connection_init',
    async check({ open }) {
      await (await open()).lives();
    },
  },
  {
    id: 'ping/after-ack',
    level: 'MUST',
    name: 'answer a ping after connection_ack',
    async check({ connect }) {
      await (await connect()).lives();
    },
  },
  {
    id: 'ping/payload',
    level: 'MUST',
    name: 'answer pings with a payload, and with null',
    async check({ connect }) {
      const probe = await connect();
      for (const payload of [PAYLOAD, {}, null]) {
        await probe.send({ type: 'ping', payload }).type('pong');
      }
    },
  },
  {
    id: 'ping/echo',
    level: 'MAY',
    name: 'hand the payload of a ping back in its pong',
    async check({ connect }) {
      const pong = await (await connect()).send({ type: 'ping', payload: PAYLOAD }).type('pong');
      expect(JSON.stringify(pong.payload) === JSON.stringify(PAYLOAD), 'the pong has another payload');
    },
  },
  {
    id: 'ping/each',
    level: 'MUST',
    name: 'answer each of many pings',
    async check({ connect }) {
      const probe = await connect();
      probe.send(...Array.from({ length: 50 }, () => ({ type: 'ping' })));
      const count = () => probe.messages.filter((message) => message.type === 'pong').length;
      await probe.until(() => (count() >= 50 ? true : undefined));
      await probe.quiet();
      expect(count() === 50, `${count()} pongs came for 50 pings`);
    },
  },
  {
    id: 'ping/while-streaming',
    level: 'MUST',
    name: 'answer a ping while an operation is active',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.subscription).of('a', 'next');
      await probe.lives();
    },
  },
  {
    id: 'pong/unsolicited',
    level: 'MUST',
    name: 'take a pong that nobody asked for, before connection_init and after',
    async check({ open }) {
      const probe = await open();
      probe.send({ type: 'pong' }, { type: 'pong', payload: PAYLOAD }, { type: 'pong', payload: null });
      probe.init();
      await probe.type('connection_ack');
      probe.send({ type: 'pong' }, { type: 'pong', payload: PAYLOAD });
      await probe.lives();
    },
  },
  ...['ping', 'pong'].map((type) => ({
    id: `${type}/payload-type`,
    level: 'MUST',
    name: `close with 4400 when the payload of ${type} is no object`,
    async check({ connect }) {
      for (const payload of ['text', 5, ['list']]) {
        await (await connect()).send({ type, payload }).closes(4400);
      }
    },
  })),
];
