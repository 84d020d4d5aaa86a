/** Entry of the demo page. */

import './styles/base.css';
import './styles/frame.css';
import './styles/menu.css';
import './styles/board.css';
import './styles/panel.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { fetchSession } from './session';

const element = document.getElementById('root');
if (element === null) throw new Error('The page has no element #root');
const root = createRoot(element);

fetchSession()
  .then((session) =>
    root.render(
      <StrictMode>
        <App session={session} />
      </StrictMode>,
    ),
  )
  .catch((error: unknown) =>
    root.render(
      <div className="nothing">
        <h2>The demo is not there</h2>
        <p>{String(error)}</p>
      </div>,
    ),
  );
