/** GraphiQL with the ready operations of every channel. */

import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { useMemo } from 'react';
import { createFetcher } from './createFetcher';
import { TEMPLATE } from './headers';
import type { Page } from './page';

const REMEMBERED = 'graphiql:shouldPersistHeaders';

/** The whole page. Headers hold tokens, so they are remembered only where somebody asks for it. */
export function Explorer({ page, url }: { readonly page: Page; readonly url: string }) {
  const fetcher = useMemo(() => createFetcher(url), [url]);
  const plugins = useMemo(() => [HISTORY_PLUGIN], []);
  const tabs = page.channels.map(({ document, variables }) => ({
    query: document,
    variables,
    headers: TEMPLATE,
  }));
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={plugins}
      defaultHeaders={TEMPLATE}
      {...(tabs.length > 0 && { defaultTabs: tabs })}
      defaultEditorToolsVisibility="variables"
      shouldPersistHeaders={localStorage.getItem(REMEMBERED) === 'true'}
      showPersistHeadersSettings
    />
  );
}
