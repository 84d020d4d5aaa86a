/** GraphiQL with the ready operations of every channel, and a panel for what is live. */

import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { useMemo } from 'react';
import { createFetcher } from './createFetcher';
import { FollowSystemTheme } from './FollowSystemTheme';
import { TEMPLATE } from './headers';
import { LIVE_PLUGIN } from './live/livePlugin';
import { WatchButton } from './live/WatchButton';
import type { Page } from './page';
import { readyPlugin } from './ready/readyPlugin';
import { ShareHeaders } from './ShareHeaders';

const TABS = 'graphiql:tabState';
const REMEMBERED = 'graphiql:shouldPersistHeaders';

/** The whole page. Headers hold tokens, so they are remembered only where somebody asks for it. */
export function Explorer({ page, url }: { readonly page: Page; readonly url: string }) {
  const fetcher = useMemo(() => createFetcher(url), [url]);
  const plugins = useMemo(
    () => [readyPlugin(page.channels), LIVE_PLUGIN, HISTORY_PLUGIN],
    [page.channels],
  );
  const [first] = page.channels;
  const isFirstVisit = localStorage.getItem(TABS) === null;
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={plugins}
      defaultHeaders={TEMPLATE}
      {...(first && { defaultTabs: page.channels.map(tabOf) })}
      {...(first && isFirstVisit && { initialVariables: first.variables })}
      defaultEditorToolsVisibility="variables"
      shouldPersistHeaders={localStorage.getItem(REMEMBERED) === 'true'}
      showPersistHeadersSettings
    >
      <FollowSystemTheme />
      <ShareHeaders />
      <GraphiQL.Logo>
        <span className="rx-logo">
          Rx<strong>Graph</strong>
        </span>
      </GraphiQL.Logo>
      <GraphiQL.Toolbar>
        {({ prettify, merge, copy }) => (
          <>
            <WatchButton url={url} />
            {prettify}
            {merge}
            {copy}
          </>
        )}
      </GraphiQL.Toolbar>
    </GraphiQL>
  );
}

function tabOf({ document, variables }: { readonly document: string; readonly variables: string }) {
  return { query: document, variables, headers: TEMPLATE };
}
