// Asks a server that serves trusted documents only, with the clients that front ends use.
//
//   node trusted.mjs '{"url": …, "socketUrl": …, "token": …, "projectId": …}'
//
// The documents are the generated ones. Prints one line of JSON: what each client got, and how many
// requests it took. Run by tests/integration/test_trusted_npm.py.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { cacheExchange, createClient as createUrqlClient, fetchExchange } from '@urql/core';
import { getOperationAST } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const options = JSON.parse(process.argv[2]);
const source = readFileSync(new URL('../../../generated/rxgraph.ts', import.meta.url), 'utf8');
const { operations } = JSON.parse(
  readFileSync(new URL('../../../../schema/documents.json', import.meta.url), 'utf8'),
);
const ids = Object.fromEntries(operations.map(({ name, id }) => [name, id]));
const variables = { projectId: options.projectId };
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** Return a document of the generated file. */
function generated(name) {
  const [, json] = source.match(new RegExp(`const ${name} = (\\{.*\\}) as unknown as`));
  return JSON.parse(json);
}

let requests = [];
const fetchCounted = (url, init) => {
  requests.push(JSON.parse(init.body));
  const headers = { ...init.headers, Authorization: `Token ${options.token}` };
  return fetch(url, { ...init, headers });
};

async function withApollo(link, document) {
  requests = [];
  const client = new ApolloClient({
    link: link.concat(new HttpLink({ uri: options.url, fetch: fetchCounted })),
    cache: new InMemoryCache(),
  });
  const told = (error) => ({ code: error.errors?.[0]?.extensions?.code ?? String(error) });
  const answer = await client.query({ query: document, variables }).catch(told);
  const name = answer.data?.project?.state?.name;
  const texts = requests.filter((one) => one.query).length;
  return { name, code: answer.code, requests: requests.length, texts };
}

async function withUrql() {
  requests = [];
  const client = createUrqlClient({
    url: options.url,
    preferGetMethod: false,
    fetch: fetchCounted,
    exchanges: [cacheExchange, fetchExchange],
  });
  const { data, error } = await client.query(generated('ProjectDocument'), variables).toPromise();
  return { name: data?.project?.state?.name, error: error?.message };
}

function overSocket(payload) {
  const client = createClient({
    url: options.socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Token ${options.token}` },
    retryAttempts: 0,
  });
  return new Promise((resolve) => {
    const done = (found) => resolve(found) || client.dispose();
    client.subscribe(
      { variables, ...payload },
      {
        next: ({ data }) => done({ kind: data.project.kind }),
        error: (errors) => done({ code: errors[0]?.extensions?.code ?? String(errors) }),
        complete: () => {},
      },
    );
  });
}

const query = generated('ProjectDocument');
const foreign = gql`query Mine($projectId: Int!) { project(projectId: $projectId) { id } }`;
const byName = (document) => ids[getOperationAST(document)?.name?.value];
const persisted = (sha256Hash) => ({ persistedQuery: { version: 1, sha256Hash } });

const found = {
  hashed: await withApollo(new PersistedQueryLink({ sha256 }), query),
  named: await withApollo(new PersistedQueryLink({ generateHash: byName }), query),
  foreign: await withApollo(new PersistedQueryLink({ sha256 }), foreign),
  urql: await withUrql(),
  socket: await overSocket({ query: '', extensions: persisted(ids.ProjectLive) }),
  socketForeign: await overSocket({ query: 'subscription { project(projectId: 1) { kind } }' }),
};
process.stdout.write(`${JSON.stringify(found)}\n`);
process.exit(0);
