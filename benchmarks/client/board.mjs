/**
 * A board of any size as events: Project → Task → Comment, with people whom many tasks share.
 *
 * Of *n* instances one is the project, a fifth are tasks, ten are people, the rest comments.
 */
const PEOPLE = 10;

const layer = (changes, relations = {}) => ({
  changes,
  relations,
  inputs: {},
  empty: {},
  clocks: [],
  optimistic: false,
  optimisticTimeout: 3,
});
const one = (type) => ({ type, many: false, nullable: true });
const many = (type) => ({ type, many: true, nullable: false });

export const channel = {
  field: 'project',
  typename: 'ProjectChannel',
  many: false,
  root: 'Project',
  layers: {
    Project: layer('projects', { tasks: many('Task') }),
    Task: layer('tasks', { assignee: one('User'), comments: many('Comment') }),
    Comment: layer('comments', { author: one('User') }),
    User: layer('users'),
  },
  query: '',
  subscription: '',
  writes: {},
  actions: {},
};

const ref = (__typename, id) => ({ __typename, id: String(id) });

export function makeBoard(instances) {
  const count = Math.floor((instances - 1 - PEOPLE) / 5);
  const users = Array.from({ length: PEOPLE }, (_, id) => ({
    ...ref('User', id),
    username: `person ${id}`,
    firstName: 'A',
    lastName: 'Person',
  }));
  const comments = [];
  const tasks = Array.from({ length: count }, (_, id) => {
    const own = Array.from({ length: 4 }, (_, place) => id * 4 + place);
    for (const comment of own) {
      comments.push({
        ...ref('Comment', comment),
        body: `What is said in comment ${comment}`,
        createdAt: '2026-01-01T00:00:00Z',
        author: ref('User', comment % PEOPLE),
      });
    }
    return {
      ...ref('Task', id),
      title: `Task ${id}`,
      description: 'What there is to do',
      status: 'TODO',
      priority: 'NORMAL',
      position: id,
      due: null,
      createdAt: '2026-01-01T00:00:00Z',
      updatedAt: '2026-01-01T00:00:00Z',
      assignee: ref('User', id % PEOPLE),
      comments: own.map((comment) => ref('Comment', comment)),
    };
  });
  const project = {
    ...ref('Project', 1),
    name: 'Garden',
    tasks: tasks.map(({ id }) => ref('Task', id)),
  };
  return { project, tasks, comments, users };
}

const changes = (changed) => ({
  projects: [],
  tasks: [],
  comments: [],
  users: [],
  ...changed,
});

/** Events are made of text, as they arrive. */
const event = (kind, changed, more = {}) =>
  JSON.parse(
    JSON.stringify({ kind, cursor: 'c', changed: changes(changed), removed: [], ...more }),
  );

export function snapshotOf({ project, tasks, comments, users }) {
  return event(
    'SNAPSHOT',
    { projects: [project], tasks, comments, users },
    { channel: { state: ref('Project', 1) } },
  );
}

/** What happens to a board, by name: each call returns one more event. */
export function makeWorks(board) {
  let number = 0;
  let next = board.tasks.length;
  let order = board.project.tasks;
  const pick = (rows) => rows[(number * 7919) % rows.length];
  const works = {
    'a comment is edited': () =>
      event('DELTA', { comments: [{ ...pick(board.comments), body: `Edited ${number}` }] }),
    'a task is renamed': () =>
      event('DELTA', { tasks: [{ ...pick(board.tasks), title: `Renamed ${number}` }] }),
    'a task is added in front': () => {
      const task = { ...board.tasks[0], id: String(next++), comments: [] };
      order = [ref('Task', task.id), ...order];
      return event('DELTA', { projects: [{ ...board.project, tasks: order }], tasks: [task] });
    },
    'a task is dragged': () => {
      order = [...order];
      const [moved] = order.splice((number * 7919) % order.length, 1);
      order.splice((number * 104_729) % order.length, 0, moved);
      return event('DELTA', { projects: [{ ...board.project, tasks: order }] });
    },
    'a person is renamed': () =>
      event('DELTA', { users: [{ ...pick(board.users), username: `renamed ${number}` }] }),
  };
  return Object.fromEntries(
    Object.entries(works).map(([name, make]) => [
      name,
      () => {
        number += 1;
        return make();
      },
    ]),
  );
}
