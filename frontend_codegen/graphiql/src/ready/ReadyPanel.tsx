/** Every operation of every channel; one press opens it in a tab of its own. */

import { UnStyledButton, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import type { ReadyChannel } from '../page';

interface Opened {
  readonly document: string;
  readonly variables: string;
}

/** The list. */
export function ReadyPanel({ channels }: { readonly channels: readonly ReadyChannel[] }) {
  const { addTab } = useGraphiQLActions();
  const { query, variables } = useGraphiQL((state) => ({
    query: state.queryEditor,
    variables: state.variableEditor,
  }));
  const open = (operation: Opened): void => {
    addTab(); // which makes it the open one, with the headers of a new tab
    query?.setValue(operation.document);
    variables?.setValue(operation.variables);
  };
  return (
    <section aria-label="Ready operations" className="rx-panel">
      <h2 className="rx-title">Ready operations</h2>
      {channels.length === 0 && <p className="rx-hint">The schema has no channel yet.</p>}
      {channels.map((channel) => (
        <div key={channel.name} className="rx-channel">
          <h3>
            <UnStyledButton type="button" onClick={() => open(channel)}>
              {channel.name}
            </UnStyledButton>
          </h3>
          <p className="rx-hint">{channel.description}</p>
          <ul>
            {channel.operations.map((operation) => (
              <li key={operation.name}>
                <UnStyledButton
                  type="button"
                  className="rx-operation"
                  onClick={() => open(operation)}
                >
                  <span className={`rx-kind rx-kind-${operation.kind}`}>{operation.kind}</span>
                  <span className="rx-operation-name">{operation.name}</span>
                  <span className="rx-hint">{operation.description}</span>
                </UnStyledButton>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
