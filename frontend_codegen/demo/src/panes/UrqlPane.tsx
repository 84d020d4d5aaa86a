/** A board on urql with its normalised cache. */

import { liveExchange, useChannel } from '@rxgraph/client/urql';
import { cacheExchange } from '@urql/exchange-graphcache';
import { useState } from 'react';
import { Client, Provider } from 'urql';
import {
  optimistic,
  ProjectWriteDocument,
  projectChannel,
  projectListChannel,
} from '../../../generated/rxgraph';
import { createPlug } from '../plug/createPlug';
import { Pane } from './Pane';
import type { PaneProps } from './paneProps';
import { refusedBy } from './refusedBy';
import { socketOf } from './socketOf';
import { useRecords } from './useRecords';

export function UrqlPane(props: PaneProps) {
  const [plug] = useState(createPlug);
  const [client] = useState(() => {
    const socket = socketOf(props.person.token, plug);
    const exchanges = [cacheExchange({ optimistic }), liveExchange(socket)];
    return new Client({ url: '/graphql', preferGetMethod: false, exchanges });
  });
  return (
    <Provider value={client}>
      <UrqlBoard {...props} client={client} plug={plug} />
    </Provider>
  );
}

function UrqlBoard(props: PaneProps & { client: Client; plug: ReturnType<typeof createPlug> }) {
  const { client, projectId, plug } = props;
  const { records, onEvent } = useRecords();
  const [news, setNews] = useState<unknown>(null);
  const [isPicking, setPicking] = useState(false);
  const list = useChannel(projectListChannel, {}, { skip: !isPicking });
  const view = useChannel(projectChannel, { projectId }, { onEvent, onNotification: setNews });
  return (
    <Pane
      {...props}
      library="urql"
      view={view}
      retry={() => view.channel.retry()}
      plug={plug}
      records={records}
      news={news}
      list={list}
      isPicking={isPicking}
      onPicking={setPicking}
      writeMany={async (operations) => {
        const variables = { projectId, operations };
        const { data, error } = await client.mutation(ProjectWriteDocument, variables).toPromise();
        if (error) throw error;
        refusedBy(data?.projectWrite.messages);
      }}
    />
  );
}
