/** What the generated types of odd names let a page say; compiled, never run. */
import type { ChannelState, LiveState } from '@rxgraph/client';
import {
  foldThings,
  type HTTPColour,
  type OmitChannelTypes,
  type OmitLiveChannelTypes,
  type ThingsChannelTypes,
} from './generated/rxgraph';

type Is<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_Fact extends true>() => undefined;

export function write(omit: LiveState<OmitChannelTypes>, all: LiveState<OmitLiveChannelTypes>) {
  const record = omit.records[0];
  void omit.save({ recordIds: ['1'], anything: { any: [1] } });
  void omit.save({});
  void omit.records.create({ class: null });
  void record?.save({ partialId: null });
  void omit.record?.delete();
  // @ts-expect-error another channel shows the same layers, and lets nobody write
  void all[0]?.save({});
  // @ts-expect-error nor create
  void all[0]?.records.create({});
}

export function read(omit: LiveState<OmitChannelTypes>, things: LiveState<ThingsChannelTypes>) {
  const colours: ReadonlyArray<HTTPColour | null> | null | undefined = omit.record?.colours;
  const at: string | null | undefined = omit.record?.partial?.at;
  const json: unknown = omit.record?.json;
  const ids: readonly string[] = things.map((thing) => thing.id);
  return [colours, at, json, ids];
}

export const variables: OmitChannelTypes['variables'] = {};
export const given: OmitChannelTypes['variables'] = { class: null, colour: 'default', ids: ['1'] };
export const search: ThingsChannelTypes['variables'] = { search: null };

export const reset: OmitChannelTypes['actions']['reset']['arguments'] = { why: 'because' };
export const resetMore: typeof reset = { why: 'because', times: 2, note: { any: 1 } };
// @ts-expect-error why is required
export const resetLess: typeof reset = { times: 2 };
holds<Is<OmitLiveChannelTypes['actions']['reset']['result'], boolean>>();
export const stopped: OmitChannelTypes['actions']['liveStop']['result'] = {
  at: '2026-01-31T12:00:00Z',
  where: { id: null, shelf: 'top' },
};
holds<Is<OmitChannelTypes['runtime'], { readonly default: number | null; readonly who: unknown }>>();
holds<Is<ThingsChannelTypes['runtime'], null>>();
holds<Is<keyof ThingsChannelTypes['writes'], never>>();

export const things: ChannelState<ThingsChannelTypes> = foldThings(null, {});
