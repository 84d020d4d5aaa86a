// "Communication": the sub-protocol.
import { expect, PROTOCOL } from '../probe.mjs';

export const handshake = [
  {
    id: 'handshake/accepted',
    level: 'MUST',
    name: 'accept the sub-protocol and say so',
    async check({ open }) {
      const probe = await open();
      expect(!probe.refusal, probe.refusal);
      expect(probe.socket.protocol === PROTOCOL, `the protocol is ${probe.socket.protocol}`);
    },
  },
  {
    id: 'handshake/among-others',
    level: 'MUST',
    name: 'choose the sub-protocol among others, wherever it stands',
    async check({ open }) {
      for (const protocols of [['graphql-ws', PROTOCOL], [PROTOCOL, 'graphql-ws'], ['x', PROTOCOL, 'y']]) {
        const probe = await open({ protocols });
        expect(!probe.refusal, probe.refusal);
        // Whoever serves graphql-ws as well may choose it where it is named first.
        const other = protocols[0] === 'graphql-ws' ? 'graphql-ws' : PROTOCOL;
        const chosen = probe.socket.protocol;
        expect([PROTOCOL, other].includes(chosen), `of ${protocols} it chose ${chosen || 'none'}`);
      }
    },
  },
  {
    id: 'handshake/none',
    level: 'SHOULD',
    name: 'close with 4406 when no sub-protocol is offered',
    async check({ open }) {
      await (await open({ protocols: [] })).closes(4406);
    },
  },
  {
    id: 'handshake/other',
    level: 'MUST',
    name: 'serve no sub-protocol that it does not know',
    async check({ open }) {
      const probe = await open({ protocols: ['graphql-transport-wss'] });
      if (!probe.refusal) await probe.closes(4406);
    },
  },
];
