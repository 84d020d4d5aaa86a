/**
 * Checked by `tsc` alone: what is declared writable has methods, the rest has none.
 *
 * Each `@ts-expect-error` is an error of its own where there is nothing to expect.
 */
import { type ProjectChannelTypes, projectChannel } from '../../../../generated/rxgraph.js';
import { useChannel as useApollo } from '../../src/apollo/index.js';
import { ChannelConnection, type LiveState, type Transport } from '../../src/core/index.js';
import { useInstance } from '../../src/react/index.js';
import { useChannel as useUrql } from '../../src/urql/index.js';
import { WritableConnection } from '../../src/writes/index.js';

type Equal<One, Other> =
  (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
const is = <_ extends true>() => {};

declare const state: LiveState<ProjectChannelTypes>;
declare const transport: Transport;

export function savable() {
  const [task] = state.tasks;
  if (!task) return;
  state.save({ name: 'Garden' });
  task.save({ title: 'Dig', assigneeId: null }, { at: 0, expectedVersion: 'c' });
  task.checklist[0]?.save({ done: true });
  // @ts-expect-error a field that the input does not have
  task.save({ titel: 'Dig' });
  // @ts-expect-error a value of another type
  task.save({ title: 5 });
  // @ts-expect-error Label is read-only
  task.labels[0]?.save;
  // @ts-expect-error so is User, wherever it occurs
  task.assignee?.save;
  // @ts-expect-error and Membership
  state.memberships[0]?.save;
}

export function creatable() {
  const [task] = state.tasks;
  if (!task) return;
  state.tasks.create({ title: 'Sow' }, { at: 0 }).then(({ id }) => is<Equal<typeof id, string>>());
  task.comments.create({ body: 'Hello' });
  // @ts-expect-error a title is required
  state.tasks.create({});
  // @ts-expect-error labels are set by labelIds, not created here
  task.labels.create;
  // @ts-expect-error memberships are read-only
  state.memberships.create;
  // @ts-expect-error lists are readonly
  state.tasks.push(task);
}

export function deletable() {
  state.tasks[0]?.delete();
  // @ts-expect-error a Project can be saved, not deleted
  state.delete;
  // @ts-expect-error User is read-only
  state.owner.delete;
}

export function readonly() {
  // @ts-expect-error state is readonly
  state.name = 'Orchard';
  // @ts-expect-error all through
  state.owner.username = 'eve';
  is<Equal<typeof state.budget, string | null>>();
  is<Equal<(typeof state.tasks)[number]['status'], 'DONE' | 'IN_PROGRESS' | 'REVIEW' | 'TODO'>>();
}

export function withoutWriter() {
  const channel = new ChannelConnection(projectChannel, { projectId: 1 }, transport);
  channel.view.state?.tasks[0]?.title;
  // @ts-expect-error nothing can be written through the core alone
  channel.view.state?.tasks[0]?.save;
  const writable = new WritableConnection(projectChannel, { projectId: 1 }, transport);
  writable.view.state?.tasks[0]?.save({ title: 'Dig' });
}

export function useHooks() {
  const apollo = useApollo(projectChannel, { projectId: 1 });
  const urql = useUrql(projectChannel, { projectId: 1 }, { onNotification: (data) => data });
  is<Equal<typeof apollo.state, LiveState<ProjectChannelTypes> | null>>();
  is<Equal<typeof apollo.state, typeof urql.state>>();
  const task = useInstance(apollo.channel, 'Task', '1');
  task?.save({ title: 'Dig' });
  // @ts-expect-error there is no such layer
  useInstance(apollo.channel, 'Tusk', '1');
  // @ts-expect-error an argument is missing
  useApollo(projectChannel, {});
  // @ts-expect-error an argument has another type
  useUrql(projectChannel, { projectId: 'one' });
}
