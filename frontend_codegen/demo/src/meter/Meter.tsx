/** A small graph of the last minute: bars are events per second, dots are their lag. */

import { useEffect, useState } from 'react';
import { type Beat, median, type Records, WINDOW_MS } from './records';

const WIDTH = 180;
const HEIGHT = 28;
const SECONDS = WINDOW_MS / 1000;

export function Meter({ records }: { readonly records: Records }) {
  const now = useNow(1000);
  const beats = records.beats.filter(({ at }) => now - at < WINDOW_MS);
  const lags = beats.flatMap(({ lagMs }) => (lagMs === null ? [] : [lagMs]));
  const lag = median(lags);
  const most = Math.max(50, ...lags);
  const text = lag === null ? '–' : `${Math.round(lag)} ms`;
  return (
    <div
      className="meter"
      role="img"
      aria-label={`${records.total} events, lag ${text}`}
      title="The last minute: bars are events per second, dots are milliseconds from save to screen"
    >
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
        <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className="meter-base" />
        {bars(beats, now).map(({ second, count }) => (
          <rect
            key={second}
            className="meter-bar"
            x={WIDTH - ((second + 1) * WIDTH) / SECONDS}
            y={HEIGHT - Math.min(HEIGHT, 4 + 4 * count)}
            width={WIDTH / SECONDS - 1}
            height={Math.min(HEIGHT, 4 + 4 * count)}
            rx="1"
          />
        ))}
        {beats.map(
          ({ at, lagMs }, index) =>
            lagMs !== null && (
              <circle
                // biome-ignore lint/suspicious/noArrayIndexKey: beats have no name
                key={index}
                className="meter-dot"
                cx={WIDTH - ((now - at) * WIDTH) / WINDOW_MS}
                cy={HEIGHT - 3 - (lagMs / most) * (HEIGHT - 6)}
                r="1.5"
              />
            ),
        )}
      </svg>
      <dl>
        <dt>events</dt>
        <dd>{records.total}</dd>
        <dt>lag</dt>
        <dd>{text}</dd>
      </dl>
    </div>
  );
}

function bars(beats: readonly Beat[], now: number) {
  const counts = new Map<number, number>();
  for (const { at } of beats) {
    const second = Math.floor((now - at) / 1000);
    counts.set(second, (counts.get(second) ?? 0) + 1);
  }
  return [...counts].map(([second, count]) => ({ second, count }));
}

function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return Math.max(now, Date.now() - everyMs);
}
