/** Everything that can happen to a board, and what every viewer must show after each step. */
import { expect, vi } from 'vitest';
import { plain, rendered, type ServedBoard, write } from './server.js';

const PATIENCE = { timeout: 15_000, interval: 20 };

/** Wait until *show* gives what DRF renders. */
export async function converged(board: ServedBoard, show: () => unknown): Promise<void> {
  const expected = await rendered(board);
  await vi.waitFor(() => expect(plain(show())).toEqual(expected), PATIENCE);
}

/** Create, update, delete, reorder, prepend and move; *show* converges after each. */
export async function liveThrough(board: ServedBoard, show: () => unknown): Promise<void> {
  const { project, tasks, people, label } = board;
  const [first, second, third] = tasks as [number, number, number];
  const step = async (...operations: Parameters<typeof write>) => {
    const keys = await write(...operations);
    await converged(board, show);
    return keys[0] as number;
  };
  await converged(board, show);
  await step({ op: 'save', model: 'Task', pk: first, data: { title: 'Updated' } });
  const task = { title: 'Created', project_id: project, position: 9 };
  const created = await step({ op: 'create', model: 'Task', data: task });
  await step(
    { op: 'update', model: 'Task', pk: first, data: { position: 1 } },
    { op: 'update', model: 'Task', pk: second, data: { position: 2 } },
    { op: 'update', model: 'Task', pk: third, data: { position: 3 } },
    { op: 'create', model: 'Task', data: { ...task, title: 'Prepended', position: 0 } },
  );
  await step(
    { op: 'update', model: 'Task', pk: first, data: { position: 3 } },
    { op: 'update', model: 'Task', pk: third, data: { position: 1 } },
  );
  const author_id = people[1].id;
  const comment = await step({
    op: 'create',
    model: 'Comment',
    data: { task_id: first, author_id, body: 'Moves' },
  });
  await step({ op: 'save', model: 'Comment', pk: comment, data: { task_id: second } });
  await step({ op: 'save', model: 'Task', pk: first, data: { assignee_id: null } });
  await step({ op: 'save', model: 'Task', pk: first, data: { assignee_id: people[1].id } });
  await step({ op: 'update', model: 'Label', pk: label, data: { colour: '#123456' } });
  await step({ op: 'delete', model: 'Task', pk: second });
  await step({ op: 'delete', model: 'Task', pk: created });
  await step({ op: 'delete', model: 'Label', pk: label });
}
