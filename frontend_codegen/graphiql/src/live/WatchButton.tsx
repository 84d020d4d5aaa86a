/** The button beside the editor that starts to watch the open tab's subscription. */

import { ToolbarButton, tryParseJSONC, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useState } from 'react';
import { meantHeaders } from '../headers';
import { choose, subscriptionName } from '../operations';
import { BroadcastIcon } from './BroadcastIcon';
import { LIVE_PLUGIN } from './livePlugin';
import { watch } from './watches';

const LABEL = 'Watch the subscription beside your work';

/** Starts a watch with the variables and headers of the open tab. */
export function WatchButton({ url }: { readonly url: string }) {
  const { setVisiblePlugin } = useGraphiQLActions();
  const [problem, setProblem] = useState('');
  const { query, variables, headers, operationName } = useGraphiQL((state) => ({
    query: state.queryEditor,
    variables: state.variableEditor,
    headers: state.headerEditor,
    operationName: state.operationName,
  }));
  const start = (): void => {
    const text = query?.getValue() ?? '';
    const name = subscriptionName(text, operationName);
    if (name === undefined) {
      setProblem('This tab has no subscription');
      return;
    }
    try {
      const given = tryParseJSONC(variables?.getValue());
      const shown = meantHeaders(tryParseJSONC(headers?.getValue()));
      watch(url, shown, choose(text, name, given).operation);
      setVisiblePlugin(LIVE_PLUGIN);
      setProblem('');
    } catch (error) {
      setProblem(`Variables or headers ${error instanceof Error ? error.message : ''}`);
    }
  };
  return (
    <ToolbarButton label={problem || LABEL} aria-label={LABEL} onClick={start}>
      <BroadcastIcon />
    </ToolbarButton>
  );
}
