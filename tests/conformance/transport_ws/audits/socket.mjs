// What the protocol takes from WebSocket itself (RFC 6455).
import { expect } from '../probe.mjs';

const PING = '{"type":"ping","payload":{"text":"ä🏃"}}';

async function servesOthers(connect) {
  await (await connect()).subscribe('z', { query: '{ __typename }' }).of('z', 'next');
}

export const socket = [
  {
    id: 'socket/fragments',
    level: 'MUST',
    name: 'put a message in fragments together (§5.4)',
    async check({ connect }) {
      const probe = await connect();
      const bytes = Buffer.from(PING);
      probe.raw(bytes.subarray(0, 5), { fin: false, binary: false });
      probe.socket.ping('between');
      for (let i = 5; i < bytes.length; i += 1) {
        probe.raw(bytes.subarray(i, i + 1), { fin: i === bytes.length - 1, binary: false });
      }
      await probe.type('pong');
      await probe.lives();
    },
  },
  {
    id: 'socket/ping',
    level: 'MUST',
    name: 'answer a ping frame with a pong frame (§5.5.2)',
    async check({ connect, options }) {
      const probe = await connect();
      const pong = new Promise((resolve) => {
        probe.socket.once('pong', (data) => resolve(String(data)));
        setTimeout(resolve, options.patienceMs);
      });
      probe.socket.ping('hello');
      expect((await pong) === 'hello', 'no pong frame came with the data of the ping');
    },
  },
  {
    id: 'socket/no-utf8',
    level: 'MUST',
    name: 'close with 1007 or 4400 on text that is no UTF-8 (§8.1)',
    async check({ connect }) {
      const probe = await connect();
      await probe.raw(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false }).closes(1007, 4400);
    },
  },
  {
    id: 'socket/oversized',
    level: 'MUST',
    name: 'answer a huge message, or close with 1009 or 4400, and live on',
    async check({ connect, options }) {
      const probe = await connect();
      const query = `# ${'x'.repeat(options.oversizedBytes)}\n{ __typename }`;
      probe.subscribe('a', { query });
      await probe.until(() => (probe.end || probe.all('a').length ? true : undefined));
      if (probe.all('a').length === 0) await probe.closes(1009, 4400);
      await servesOthers(connect);
    },
  },
  {
    id: 'socket/close',
    level: 'MUST',
    name: 'answer a close with 1000 by the same, operations or not (§5.5.1)',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.subscription).of('a', 'next');
      probe.socket.close(1000);
      await probe.closes(1000);
    },
  },
  {
    id: 'socket/gone',
    level: 'MUST',
    name: 'live on when clients vanish in the middle',
    async check({ connect, options }) {
      for (const probe of [await connect(), await connect(), await connect()]) {
        probe.subscribe('a', options.subscription).subscribe('b', options.query);
        probe.leave();
      }
      await servesOthers(connect);
    },
  },
];
