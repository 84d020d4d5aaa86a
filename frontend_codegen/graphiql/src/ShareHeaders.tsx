/** A token that was written in one tab is there in the next, unless that one has headers already. */

import { tryParseJSONC, useGraphiQL } from '@graphiql/react';
import { useEffect, useRef } from 'react';
import { meantHeaders, TEMPLATE } from './headers';

export function ShareHeaders(): null {
  const { editor, tab } = useGraphiQL((state) => ({
    editor: state.headerEditor,
    tab: state.tabs[state.activeTabIndex]?.id,
  }));
  const latest = useRef('');
  useEffect(() => {
    if (!editor || tab === undefined) return;
    if (editor.getValue() === TEMPLATE && latest.current) editor.setValue(latest.current);
    const listening = editor.onDidChangeModelContent(() => {
      const text = editor.getValue();
      if (saysSomething(text)) latest.current = text;
    });
    return () => listening.dispose();
  }, [editor, tab]);
  return null;
}

function saysSomething(text: string): boolean {
  try {
    return Object.keys(meantHeaders(tryParseJSONC(text))).length > 0;
  } catch {
    return false; // somebody is writing
  }
}
