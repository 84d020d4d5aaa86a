/** What the demo's server tells its own page: who can sign in, and how it treats writes. */

/** How the server treats writes. */
export type Mode = 'normal' | 'slow' | 'refuse';

export interface Person {
  readonly id: string;
  readonly username: string;
  readonly name: string;
  readonly token: string;
  /** Ids of the projects that the person may see. */
  readonly projects: readonly string[];
}

export interface Project {
  readonly id: string;
  readonly name: string;
}

export interface Session {
  readonly people: readonly Person[];
  readonly projects: readonly Project[];
  readonly mode: Mode;
}

/** Ask who can sign in. */
export async function fetchSession(): Promise<Session> {
  const response = await fetch('/demo/session');
  if (!response.ok) throw new Error(`The demo's server answered ${response.status}`);
  return (await response.json()) as Session;
}

/** Make the server normal, slow, or one that refuses. */
export async function setServerMode(mode: Mode): Promise<void> {
  const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? '';
  const response = await fetch('/demo/server', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRFToken': token },
    body: JSON.stringify({ mode }),
  });
  if (!response.ok) throw new Error(`The demo's server answered ${response.status}`);
}
