/** What the generated types of the board let a page say; compiled, never run. */
import type { LiveInstance, LiveState } from '@rxgraph/client';
import type { cacheExchange } from '@urql/exchange-graphcache';
import { foldProject, optimistic, type ProjectChannelTypes, projectChannel } from './generated/rxgraph';

type Project = LiveState<ProjectChannelTypes>;
type Is<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_Fact extends true>() => undefined;

export function write(project: Project, user: LiveInstance<ProjectChannelTypes, 'User'>) {
  const task = project.tasks[0];
  const label = task?.labels[0];
  if (!task || !label) return;
  // What is declared writable has methods, and these take the generated inputs.
  void project.save({ name: 'Garden', budget: '12.50', due: null });
  void task.save({ title: 'Dig', status: 'IN_PROGRESS', labelIds: ['1'] });
  void task.delete();
  void project.tasks.create({ title: 'Plant' }, { at: 0 });
  void task.comments.create({ body: 'Soon' });

  // @ts-expect-error a project can be saved, not deleted
  void project.delete();
  // @ts-expect-error memberships are read-only
  void project.memberships[0]?.save({ role: 'OWNER' });
  // @ts-expect-error and nobody is made a member
  void project.memberships.create({});
  // @ts-expect-error labels are read-only, wherever they occur
  void label.save({ name: 'x' });
  // @ts-expect-error so are people
  void user.save({ firstName: 'x' });
  // @ts-expect-error and the person in a relation
  void task.assignee?.delete();
  // @ts-expect-error a task begins with a title
  void project.tasks.create({});
  // @ts-expect-error a field that clients cannot set
  void task.save({ createdAt: '2026-01-31T12:00:00Z' });
  // @ts-expect-error no member of the enum
  void task.save({ status: 'LOST' });
  // @ts-expect-error the state is not written by hand
  task.title = 'x';
  // @ts-expect-error nor are its lists
  project.tasks.push(task);
}

export function read(project: Project) {
  const title: string | undefined = project.tasks[0]?.title;
  const due: string | null = project.due;
  const name: string = project.owner.username;
  // @ts-expect-error nobody may be assigned
  const assignee: string | undefined = project.tasks[0]?.assignee.username;
  return [title, due, name, assignee];
}

holds<Is<ProjectChannelTypes['variables'], { projectId: number }>>();

export const folded = foldProject(undefined, {}).state?.tasks[0]?.title satisfies string | undefined;
export const exchangeOptions = { optimistic } satisfies Parameters<typeof cacheExchange>[0];
export const root: 'Project' | string = projectChannel.root;
