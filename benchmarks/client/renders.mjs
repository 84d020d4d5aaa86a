/** How much of a page React renders again for an event. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(
  new URL('../../frontend_codegen/packages/client/package.json', import.meta.url),
);
const load = async (name) => {
  const found = await import(pathToFileURL(require.resolve(name)).href);
  return found.default ?? found;
};

/** Show each state of *side* on a page of memoised components; return renders for each event. */
export async function countRenders(side, events) {
  const { Window } = await import(pathToFileURL(require.resolve('happy-dom')).href);
  const window = new Window();
  const { document, navigator } = window;
  Object.assign(globalThis, { window, document, IS_REACT_ACT_ENVIRONMENT: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  const React = await load('react');
  const { createRoot } = await load('react-dom/client');
  const { createElement: h, memo } = React;
  let renders = 0;
  const counted = (component) =>
    memo((props) => {
      renders += 1;
      return component(props);
    });
  const Comment = counted(({ comment }) => h('p', null, comment.body, comment.author?.username));
  const Task = counted(({ task }) =>
    h(
      'div',
      null,
      task.title,
      task.comments.map((comment) => h(Comment, { key: comment.id, comment })),
    ),
  );
  const Page = counted(({ state }) =>
    h(
      'div',
      null,
      state.tasks.map((task) => h(Task, { key: task.id, task })),
    ),
  );
  const root = createRoot(window.document.createElement('div'));
  const counts = [];
  for (const event of events) {
    renders = 0;
    const state = side.receive(event);
    await React.act(async () => root.render(h(Page, { state })));
    counts.push(renders);
  }
  await React.act(async () => root.unmount());
  await window.happyDOM.close();
  return counts;
}
