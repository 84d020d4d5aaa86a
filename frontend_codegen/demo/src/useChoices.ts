/** Who is in which pane and which project they look at, kept in the address of the page. */

import { useEffect, useState } from 'react';

export interface Choices {
  readonly project: string;
  readonly left: string;
  readonly right: string;
}

/** Return what is chosen, and a function that chooses otherwise. */
export function useChoices(defaults: Choices) {
  const [choices, setChoices] = useState<Choices>(() => read(defaults));
  useEffect(() => {
    const follow = (): void => setChoices(read(defaults));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [defaults]);
  const choose = (some: Partial<Choices>): void => {
    const next = { ...choices, ...some };
    location.hash = new URLSearchParams({ ...next }).toString();
    setChoices(next);
  };
  return [choices, choose] as const;
}

function read(defaults: Choices): Choices {
  const given = new URLSearchParams(location.hash.slice(1));
  return {
    project: given.get('project') ?? defaults.project,
    left: given.get('left') ?? defaults.left,
    right: given.get('right') ?? defaults.right,
  };
}
