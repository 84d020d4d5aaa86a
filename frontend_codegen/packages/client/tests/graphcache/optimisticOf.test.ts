/** The generated `optimistic` of the board in a real Graphcache; the server answers when it is told. */
import { Client, type Operation } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { filter, makeSubject, map, merge, pipe, subscribe, tap } from 'wonka';
import {
  optimistic,
  ProjectCreateCommentDocument,
  ProjectCreateTaskDocument,
  ProjectDeleteTaskDocument,
  ProjectDocument,
  type ProjectQuery,
  ProjectSaveTaskDocument,
  projectChannel,
} from '../../../../generated/rxgraph.js';

const person = { __typename: 'User', id: '1', username: 'ann', firstName: '', lastName: '' };
const task = (id: string, title: string) => ({
  __typename: 'Task',
  id,
  title,
  description: '',
  status: 'TODO',
  priority: 'NORMAL',
  position: 0,
  due: null,
  estimate: null,
  createdAt: '2026-01-31T12:00:00Z',
  updatedAt: '2026-01-31T12:00:00Z',
  assignee: null,
  labels: [],
  checklist: [],
  comments: [],
  notes: [],
});
const project = {
  __typename: 'Project',
  id: '7',
  name: 'Garden',
  description: '',
  status: 'ACTIVE',
  budget: null,
  due: null,
  isOpen: true,
  createdAt: '2026-01-31T12:00:00Z',
  owner: person,
  memberships: [],
  tasks: [task('1', 'Dig'), task('2', 'Plant')],
};

/** A client whose queries are answered at once, and whose mutations by `answer`. */
function makeClient() {
  const answers = makeSubject<{ readonly operation: Operation; readonly data: object }>();
  const asked: Operation[] = [];
  const client = new Client({
    url: 'http://127.0.0.1/none',
    exchanges: [
      cacheExchange({ optimistic }),
      () => (operations) =>
        pipe(
          merge([
            pipe(
              operations,
              tap((operation) => asked.push(operation)),
              filter(({ kind }) => kind === 'query'),
              map((operation) => ({
                operation,
                data: {
                  project: { __typename: 'ProjectChannel', id: 'c', cursor: '1', state: project },
                } as object,
              })),
            ),
            answers.source,
          ]),
          map(({ operation, data }) => ({
            operation,
            data,
            stale: false,
            hasNext: false,
          })),
        ),
    ],
  });
  const shown: ProjectQuery[] = [];
  pipe(
    client.query(ProjectDocument, { projectId: 7 }),
    subscribe(({ data }) => data && shown.push(data)),
  );
  const state = () => {
    const found = shown.at(-1)?.project.state;
    if (!found) throw new Error('nothing is shown');
    return found;
  };
  const answer = (data: object) => {
    const operation = asked.findLast(({ kind }) => kind === 'mutation');
    if (!operation) throw new Error('no mutation was sent');
    answers.next({ operation, data });
  };
  return { client, state, answer };
}

/** Until Graphcache has told its queries. */
const shown = () => new Promise((resolve) => setTimeout(resolve));

const titles = ({ tasks }: { readonly tasks: readonly { readonly title: string }[] }) =>
  tasks.map(({ title }) => title);

describe('optimisticOf', () => {
  const warn = vi.spyOn(console, 'warn');
  afterEach(() => {
    expect(warn.mock.calls).toEqual([]); // Graphcache warns of data that lacks fields
    warn.mockClear();
  });

  it('shows a save before the server has answered, relations as well', async () => {
    const { client, state, answer } = makeClient();
    const data = { title: 'Dig deeper', assigneeId: '1', status: 'DONE' as const };
    client.mutation(ProjectSaveTaskDocument, { projectId: 7, id: '1', data }).subscribe(() => {});
    await shown();
    expect(state().tasks[0]).toMatchObject({
      title: 'Dig deeper',
      status: 'DONE',
      assignee: { id: '1', username: 'ann' },
    });
    answer({
      projectSaveTask: {
        __typename: 'ProjectSaveTaskPayload',
        cursor: '2',
        clientMutationId: null,
        messages: [],
        task: task('1', 'DIG DEEPER'),
        parents: { __typename: 'ProjectChannelChanges', projects: [] },
      },
    });
    await shown();
    expect(state().tasks[0]).toMatchObject({ title: 'DIG DEEPER', assignee: null });
  });

  it('takes back what is refused', async () => {
    const { client, state, answer } = makeClient();
    const before = state();
    client
      .mutation(ProjectSaveTaskDocument, { projectId: 7, id: '1', data: { title: '' } })
      .subscribe(() => {});
    await shown();
    expect(titles(state())).toEqual(['', 'Plant']);
    answer({
      projectSaveTask: {
        __typename: 'ProjectSaveTaskPayload',
        cursor: null,
        clientMutationId: null,
        messages: [
          {
            __typename: 'OperationMessage',
            kind: 'VALIDATION',
            message: 'No',
            field: 'title',
            code: 'BLANK',
          },
        ],
        task: null,
        parents: null,
      },
    });
    await shown();
    expect(state()).toEqual(before);
  });

  it('shows a new instance in its list, and the real one in its place', async () => {
    const { client, state, answer } = makeClient();
    client
      .mutation(ProjectCreateTaskDocument, {
        projectId: 7,
        parent: { project: '7' },
        data: { title: 'Water' },
      })
      .subscribe(() => {});
    await shown();
    expect(titles(state())).toEqual(['Dig', 'Plant', 'Water']);
    expect(state().tasks[2]).toMatchObject({ status: 'TODO', comments: [], due: null });
    expect(state().tasks[2]?.id).toMatch(/^optimistic:/);
    answer({
      projectCreateTask: {
        __typename: 'ProjectCreateTaskPayload',
        cursor: '2',
        clientMutationId: null,
        messages: [],
        task: task('3', 'Water'),
        parents: {
          __typename: 'ProjectChannelChanges',
          projects: [{ ...project, tasks: [...project.tasks, task('3', 'Water')] }],
        },
      },
    });
    await shown();
    expect(state().tasks.map(({ id }) => id)).toEqual(['1', '2', '3']);
  });

  it('waits for the server where only it knows what a new instance links to', async () => {
    const { client, state } = makeClient();
    client
      .mutation(ProjectCreateCommentDocument, {
        projectId: 7,
        parent: { task: '1' },
        data: { body: 'Soon' }, // by whom?
      })
      .subscribe(() => {});
    await shown();
    expect(state().tasks[0]?.comments).toEqual([]);
    expect(titles(state())).toEqual(['Dig', 'Plant']);
  });

  it('takes a deleted instance out of every list', async () => {
    const { client, state, answer } = makeClient();
    client.mutation(ProjectDeleteTaskDocument, { projectId: 7, id: '1' }).subscribe(() => {});
    await shown();
    expect(titles(state())).toEqual(['Plant']);
    answer({
      projectDeleteTask: {
        __typename: 'ProjectDeleteTaskPayload',
        deletedId: null,
        cursor: null,
        clientMutationId: null,
        messages: [
          {
            __typename: 'OperationMessage',
            kind: 'PERMISSION',
            message: 'No',
            field: null,
            code: 'FORBIDDEN',
          },
        ],
        parents: null,
      },
    });
    await shown();
    expect(titles(state())).toEqual(['Dig', 'Plant']);
  });

  it('knows the writes of optimistic layers alone', () => {
    const { layers, writes } = projectChannel;
    const fields = (isOptimistic: boolean) =>
      Object.entries(writes)
        .filter(([typename]) => layers[typename]?.optimistic === isOptimistic)
        .flatMap(([, { save, create, delete: remove }]) => [save, create, remove])
        .flatMap((write) => (write ? [write.field] : []));
    expect(Object.keys(optimistic)).toEqual(expect.arrayContaining(fields(true)));
    expect(fields(false)).not.toEqual([]);
    for (const field of fields(false)) expect(optimistic).not.toHaveProperty(field);
  });
});
