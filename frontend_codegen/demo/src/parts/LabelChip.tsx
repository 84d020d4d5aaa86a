/** A label: its word on a breath of its colour. */

import type { CSSProperties } from 'react';

interface Props {
  readonly label: { readonly name: string; readonly colour: string };
}

export function LabelChip({ label }: Props) {
  return (
    <span className="label" style={{ '--colour': label.colour } as CSSProperties}>
      {label.name}
    </span>
  );
}
