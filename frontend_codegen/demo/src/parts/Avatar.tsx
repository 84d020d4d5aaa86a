/** A person as a small round: initials on a colour that stays the same. */

import type { CSSProperties } from 'react';

const HUES = [255, 150, 25, 330, 200, 85, 290, 55];

interface Props {
  readonly id: string;
  readonly name: string;
  readonly size?: number;
  /** Another tooltip than the name. */
  readonly title?: string;
}

export function Avatar({ id, name, size = 22, title = name }: Props) {
  const hue = HUES[Number(id) % HUES.length] ?? 0;
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => word.charAt(0))
    .join('');
  const style = { '--hue': hue, '--size': `${size}px` } as CSSProperties;
  return (
    <span className="avatar" style={style} role="img" aria-label={name} title={title}>
      {initials}
    </span>
  );
}

/** Return how a person is called. */
export function nameOf(user: {
  readonly firstName: string;
  readonly lastName: string;
  readonly username: string;
}): string {
  return `${user.firstName} ${user.lastName}`.trim() || user.username;
}
