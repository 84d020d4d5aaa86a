/** A board on Apollo Client. */

import { ApolloClient, InMemoryCache } from '@apollo/client';
import { ApolloProvider } from '@apollo/client/react';
import { liveLink, typePoliciesOf, useChannel } from '@rxgraph/client/apollo';
import { useState } from 'react';
import {
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

export function ApolloPane(props: PaneProps) {
  const [plug] = useState(createPlug);
  const [client] = useState(() => {
    const link = liveLink(socketOf(props.person.token, plug));
    const cache = new InMemoryCache({ typePolicies: typePoliciesOf(projectChannel) });
    return new ApolloClient({ link, cache });
  });
  return (
    <ApolloProvider client={client}>
      <ApolloBoard {...props} client={client} plug={plug} />
    </ApolloProvider>
  );
}

function ApolloBoard(
  props: PaneProps & { client: ApolloClient; plug: ReturnType<typeof createPlug> },
) {
  const { client, projectId, plug } = props;
  const { records, onEvent } = useRecords();
  const [news, setNews] = useState<unknown>(null);
  const [isPicking, setPicking] = useState(false);
  const list = useChannel(projectListChannel, {}, { skip: !isPicking });
  const view = useChannel(projectChannel, { projectId }, { onEvent, onNotification: setNews });
  return (
    <Pane
      {...props}
      library="Apollo Client"
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
        const { data } = await client.mutate({ mutation: ProjectWriteDocument, variables });
        refusedBy(data?.projectWrite.messages);
      }}
    />
  );
}
