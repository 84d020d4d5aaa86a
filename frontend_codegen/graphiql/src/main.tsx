/** Entry of the page at the GraphQL URL. */

import 'graphiql/graphiql.css';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import './style.css';
import './monacoWorkers';
import { createRoot } from 'react-dom/client';
import { Explorer } from './Explorer';
import { readPage } from './page';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no element #root');
const url = new URL(location.pathname, location.origin).href;
createRoot(root).render(<Explorer page={readPage(document)} url={url} />);
