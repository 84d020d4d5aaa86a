/** Counts the events of a pane for its meter. */

import { useCallback, useState } from 'react';
import { NO_RECORDS, withEvent } from '../meter/records';
import type { BoardEvent } from '../types';

export function useRecords() {
  const [records, setRecords] = useState(NO_RECORDS);
  const onEvent = useCallback(
    (event: BoardEvent) => setRecords((known) => withEvent(known, event, Date.now())),
    [],
  );
  return { records, onEvent };
}
