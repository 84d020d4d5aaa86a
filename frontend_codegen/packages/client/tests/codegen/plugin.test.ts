import { readdirSync, readFileSync } from 'node:fs';
import { buildSchema, type GraphQLSchema, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { plugin } from '../../src/codegen/plugin.js';
import { readChannels } from '../../src/codegen/readChannels.js';

const FOLDER = new URL('../../../../../schema/', import.meta.url);
const TORTURE = new URL('../../../../../tests/compile/torture.graphql', import.meta.url);
const NAMES = new URL('../../../../../tests/management/names.graphql', import.meta.url);

const read = (url: URL) => readFileSync(url, 'utf8');
const board = buildSchema(read(new URL('schema.graphql', FOLDER)));
const torture = buildSchema(read(TORTURE));
const names = buildSchema(read(NAMES));
const documents = readdirSync(new URL('operations/', FOLDER)).map((name) => ({
  document: parse(read(new URL(`operations/${name}`, FOLDER))),
}));

const only = (schema: GraphQLSchema, field: string) => {
  const found = readChannels(schema).find((channel) => channel.field === field);
  if (!found) throw new Error(`${field} is missing`);
  return found;
};

describe('readChannels', () => {
  it('reads what a channel is from its directive', () => {
    const { layers, ...project } = only(board, 'project');
    expect(project).toMatchObject({
      typename: 'ProjectChannel',
      many: false,
      root: 'Project',
    });
    expect(Object.keys(layers)).toEqual(
      expect.arrayContaining(['Project', 'Task', 'Comment', 'User', 'Label', 'Note']),
    );
    expect(only(names, 'things').many).toBe(true);
    expect(only(names, 'omit').hasRuntime).toBe(true);
    expect(only(names, 'things').hasRuntime).toBe(false);
  });

  it('reads relations, and where something can be created', () => {
    const { layers } = only(board, 'project');
    expect(layers.Task?.relations).toMatchObject({
      assignee: { type: 'User', many: false, nullable: true },
      comments: { type: 'Comment', many: true, nullable: false, parentKey: 'task' },
    });
    expect(layers.Task?.relations.labels).not.toHaveProperty('parentKey');
    expect(layers.Comment?.relations.author).toEqual({
      type: 'User',
      many: false,
      nullable: false,
    });
  });

  it('does not take a computed list for the one that a new instance joins', () => {
    const relations = only(torture, 'album').layers.Album?.relations ?? {};
    expect(relations.tracks?.parentKey).toBe('album');
    expect(relations.longTracks).toEqual({ type: 'Track', many: true, nullable: false });
  });

  it('tells two relations of one parent apart', () => {
    const relations = only(names, 'omit').layers.Omit?.relations ?? {};
    expect(relations.record?.parentKey).toBe('omitRecord');
    expect(relations.records?.parentKey).toBe('omitRecords');
  });

  it('reads which inputs set relations', () => {
    expect(only(board, 'project').layers.Task?.inputs).toEqual({
      assigneeId: 'assignee',
      labelIds: 'labels',
    });
  });

  it('shows of a new instance what the server fills in, else the emptiest', () => {
    const { empty, clocks } = only(board, 'project').layers.Task ?? {};
    expect(empty).toMatchObject({
      status: 'TODO',
      priority: 'NORMAL',
      position: 0,
      title: '',
      due: null,
      comments: [],
      assignee: null,
    });
    expect(empty).not.toHaveProperty('id');
    expect(clocks).toEqual(['createdAt', 'updatedAt']);
    const comment = only(board, 'project').layers.Comment;
    expect(comment?.empty).not.toHaveProperty('author'); // the server's to fill in
    expect(only(torture, 'album').layers.Album?.empty).toMatchObject({
      plays: '0',
      price: '0.00',
      format: 'VINYL',
      inStock: true,
      released: null,
      genreIds: [],
    });
  });

  it('reads what is optimistic', () => {
    const { layers } = only(torture, 'album');
    expect(layers.Memo).toMatchObject({ optimistic: true, optimisticTimeout: 5 });
    expect(layers.Track).toMatchObject({ optimistic: false, optimisticTimeout: 3 });
  });

  it('reads what this channel lets clients write, not what another does', () => {
    expect(only(board, 'project').writes.Project).toEqual({
      save: { field: 'projectSaveProject', instance: 'project', input: 'ProjectSaveInput' },
    });
    expect(only(board, 'project').writes.Task?.delete).toEqual({
      field: 'projectDeleteTask',
      instance: 'deletedId',
      input: null,
    });
    expect(only(board, 'project').writes).not.toHaveProperty('User');
    expect(only(names, 'omitLive').writes).toEqual({});
  });

  it('gives an action to the channel that it names', () => {
    expect(only(names, 'omit').actions).toEqual({
      liveStop: { field: 'omitLiveStop', arguments: {} },
      reset: { field: 'omitReset', arguments: { note: true, times: true, why: false } },
    });
    expect(only(names, 'omitLive').actions).toEqual({
      reset: { field: 'omitLiveReset', arguments: {} },
    });
  });

  it('says when a schema is none of ours', () => {
    expect(() => readChannels(buildSchema('type Query { a: Int }'))).toThrow(
      /no type with @channel/,
    );
  });
});

describe('plugin', () => {
  it('imports what it uses and nothing of a framework', () => {
    const { prepend, content } = plugin(board, documents);
    expect(prepend).toEqual([
      "import { type ChannelDescriptor, foldOf } from '@rxgraph/client';",
      "import { optimisticOf } from '@rxgraph/client/graphcache';",
    ]);
    expect(content).toMatch(/export const optimistic = .* optimisticOf\(projectChannel\b/);
  });

  it('leaves out what Graphcache needs where nothing is optimistic', () => {
    const sober = buildSchema(
      read(new URL('schema.graphql', FOLDER)).replaceAll('optimistic: true', 'optimistic: false'),
    );
    const { prepend, content } = plugin(sober, documents);
    expect(prepend).toHaveLength(1);
    expect(content).not.toContain('optimisticOf');
  });

  it('says which document is missing, and what writes it', () => {
    expect(() => plugin(board, [])).toThrow(
      'The documents have no query Project of project; add the operations/*.graphql that `manage.py makefrontend` writes',
    );
  });

  it('takes the documents of makefrontend, not those of the project itself', () => {
    const own = { document: parse('query Mine { project(projectId: 1) { id } }') };
    expect(plugin(board, [own, ...documents])).toEqual(plugin(board, documents));
  });
});
