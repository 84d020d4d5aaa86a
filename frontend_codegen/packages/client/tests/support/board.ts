/** A small channel, written by hand as generated code would be, for tests without a server. */
import type { ChannelDescriptor, LayerDescriptor } from '../../src/core/index.js';

export interface Person {
  readonly __typename: 'Person';
  readonly id: string;
  readonly name: string;
}
export interface Card {
  readonly __typename: 'Card';
  readonly id: string;
  readonly title: string;
  readonly madeAt: string;
  readonly owner: Person | null;
  readonly watchers: Person[];
}
export interface Column {
  readonly __typename: 'Column';
  readonly id: string;
  readonly cards: Card[];
}
export interface Board {
  readonly __typename: 'Board';
  readonly id: string;
  readonly name: string;
  readonly columns: Column[];
  readonly lead: Person;
}

export interface BoardTypes {
  readonly variables: { readonly boardId: number };
  readonly state: Board;
  readonly entities: {
    readonly Board: Board;
    readonly Column: Column;
    readonly Card: Card;
    readonly Person: Person;
  };
  readonly runtime: { readonly viewers: number };
  readonly writes: {
    readonly Card: {
      readonly save: { readonly title?: string; readonly ownerId?: string | null };
      readonly create: { readonly 'Column.cards': { readonly title: string } };
      readonly delete: true;
    };
    readonly Board: { readonly save: { readonly name?: string } };
  };
  readonly actions: {
    readonly rename: { readonly arguments: { readonly name: string }; readonly result: boolean };
  };
}

const layer = (changes: string, more: Partial<LayerDescriptor> = {}): LayerDescriptor => ({
  changes,
  relations: {},
  inputs: {},
  empty: {},
  clocks: [],
  optimistic: false,
  optimisticTimeout: 3,
  ...more,
});

const write = (field: string, instance: string) => ({
  field,
  instance,
  document: `mutation ${field}`,
});

export const boardChannel: ChannelDescriptor<BoardTypes> = {
  field: 'board',
  typename: 'BoardChannel',
  many: false,
  root: 'Board',
  layers: {
    Board: layer('boards', {
      relations: {
        columns: { type: 'Column', many: true, nullable: false },
        lead: { type: 'Person', many: false, nullable: false },
      },
    }),
    Column: layer('columns', {
      relations: {
        cards: { type: 'Card', many: true, nullable: false, parentKey: 'column' },
      },
    }),
    Card: layer('cards', {
      relations: {
        owner: { type: 'Person', many: false, nullable: true },
        watchers: { type: 'Person', many: true, nullable: false },
      },
      inputs: { ownerId: 'owner', watcherIds: 'watchers' },
      empty: { title: '' },
      clocks: ['madeAt'],
      optimistic: true,
    }),
    Person: layer('people'),
  },
  query: 'query Board',
  subscription: 'subscription BoardLive($after: Cursor)',
  writes: {
    Board: { save: write('boardSaveBoard', 'board') },
    Card: {
      save: write('boardSaveCard', 'card'),
      create: write('boardCreateCard', 'card'),
      delete: write('boardDeleteCard', 'deletedId'),
    },
  },
  actions: { rename: { field: 'boardRename', document: 'mutation Rename' } },
};
