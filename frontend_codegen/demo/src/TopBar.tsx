/** What concerns both panes: the server's mood, the theme, the way to elsewhere. */

import { Icon } from './parts/Icon';
import { Segments } from './parts/Segments';
import type { Mode } from './session';
import { useTheme } from './useTheme';

const MODES = [
  { value: 'normal', label: 'Normal', title: 'The server works as ever' },
  { value: 'slow', label: 'Slow', title: 'Writes reach the server 1.5 s late' },
  { value: 'refuse', label: 'Refuses', title: 'The server refuses every write' },
] as const;

const THEMES = [
  { value: 'system', label: <Icon name="system" />, title: 'As the system has it' },
  { value: 'light', label: <Icon name="sun" />, title: 'Light' },
  { value: 'dark', label: <Icon name="moon" />, title: 'Dark' },
] as const;

interface Props {
  readonly mode: Mode;
  readonly onMode: (mode: Mode) => void;
}

export function TopBar({ mode, onMode }: Props) {
  const [theme, setTheme] = useTheme();
  return (
    <header className="top">
      <h1>
        <span className="mark" aria-hidden="true" />
        RxGraph
      </h1>
      <p className="tagline">One board, two people, two clients</p>
      <span className="spacer" />
      <span className="mode">
        <span aria-hidden="true">Server</span>
        <Segments legend="The server" choices={MODES} value={mode} onChange={onMode} />
      </span>
      <nav>
        <a href="/graphql">GraphiQL</a>
        <a href="/admin/">Admin</a>
      </nav>
      <Segments legend="Theme" choices={THEMES} value={theme} onChange={setTheme} />
    </header>
  );
}
