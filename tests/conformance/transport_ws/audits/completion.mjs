// "Complete", in both directions, and what may cross on the way.
import { expect } from '../probe.mjs';

export const completion = [
  {
    id: 'complete/ends-events',
    level: 'MUST',
    name: 'send nothing of a subscription that the client has completed',
    needs: ['mutation'],
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.subscription).of('a', 'next');
      await probe.complete('a').lives();
      await probe.quiet();
      const count = probe.all('a').length;
      expect(probe.all('a').every(({ type }) => type === 'next'), 'it was answered');
      await probe.subscribe('m', options.mutation).of('m', 'next');
      await probe.nothingMore('a', count);
    },
  },
  {
    id: 'complete/before-result',
    level: 'MUST',
    name: 'send no result of a query that the client completed before',
    needs: ['slow'],
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.slow).lives();
      await probe.complete('a').lives();
      await probe.until(() => probe.all('a')[0], options.slowMs ?? 1000);
      await probe.nothingMore('a', 0);
    },
  },
  {
    id: 'complete/at-once',
    level: 'MUST',
    name: 'take complete right behind subscribe, and free the id',
    async check({ connect, options }) {
      const probe = await connect();
      probe.subscribe('a', options.subscription).complete('a');
      probe.subscribe('a', { query: '{ mine: __typename }' });
      const isMine = ({ payload }) => payload?.data?.mine;
      expect(await probe.until(() => probe.all('a').find(isMine)), 'the id was not served again');
      await probe.lives();
    },
  },
  {
    id: 'complete/one-of-two',
    level: 'MUST',
    name: 'go on with the other operations',
    needs: ['mutation'],
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.subscription).of('a', 'next');
      await probe.subscribe('b', options.subscription).of('b', 'next');
      await probe.complete('a').lives();
      const count = probe.all('b').length;
      await probe.subscribe('m', options.mutation).of('m', 'next');
      const isMore = () => (probe.all('b').length > count ? true : undefined);
      expect(await probe.until(isMore), 'the other has no more events');
      expect(probe.all('b').every(({ type }) => type === 'next'), 'the other ended');
    },
  },
  {
    id: 'complete/id-free-after-client',
    level: 'MUST',
    name: 'serve an id again that the client has completed, at once',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.subscription).of('a', 'next');
      for (let round = 0; round < 3; round += 1) {
        probe.complete('a').subscribe('a', { query: `{ r${round}: __typename }` });
        const isIt = ({ payload }) => payload?.data?.[`r${round}`];
        expect(await probe.until(() => probe.all('a').find(isIt)), 'the id was not served again');
        await probe.next((message) => message?.id === 'a' && message.type === 'complete', 'complete');
      }
    },
  },
  {
    id: 'complete/id-free-after-server',
    level: 'MUST',
    name: 'serve an id again that it has completed itself, at once',
    async check({ connect }) {
      const probe = await connect();
      for (let round = 0; round < 5; round += 1) {
        await probe.subscribe('a', { query: '{ __typename }' }).of('a', 'next');
        await probe.of('a', 'complete');
      }
    },
  },
  {
    id: 'complete/id-free-after-error',
    level: 'MUST',
    name: 'serve an id again that ended with error, at once',
    async check({ connect, options }) {
      const probe = await connect();
      for (let round = 0; round < 3; round += 1) {
        await probe.subscribe('a', options.invalid).of('a', 'error');
        await probe.subscribe('a', { query: '{ __typename }' }).of('a', 'next');
        await probe.of('a', 'complete');
      }
    },
  },
  {
    id: 'complete/late',
    level: 'MUST',
    name: 'pass over complete for an operation that has ended',
    async check({ connect, options }) {
      const probe = await connect();
      await probe.subscribe('a', options.query).of('a', 'next');
      await probe.of('a', 'complete');
      await probe.complete('a').subscribe('b', options.invalid).of('b', 'error');
      await probe.complete('b').complete('b').lives();
      await probe.nothingMore('a', 2);
      await probe.nothingMore('b', 1);
    },
  },
  {
    id: 'complete/unknown',
    level: 'SHOULD',
    name: 'pass over complete for an id that never was',
    async check({ connect }) {
      const probe = await connect();
      await probe.complete('never').lives();
      await probe.nothingMore('never', 0);
    },
  },
  {
    id: 'complete/by-server',
    level: 'MUST',
    name: 'complete a subscription whose source ends, once, with nothing after it',
    needs: ['finite'],
    async check({ connect, options }) {
      const probe = await connect();
      probe.subscribe('a', options.finite);
      const last = await probe.until(() => probe.all('a').find(({ type }) => type !== 'next'));
      expect(last?.type === 'complete', `it ended with ${last?.type}`);
      const count = probe.all('a').length;
      await probe.complete('a').nothingMore('a', count);
      await probe.lives();
    },
  },
];
