/** The icons of the page: strokes on a grid of 16. */

const PATHS = {
  list: 'M6 4h7.5M6 8h7.5M6 12h7.5M2.7 4h.1M2.7 8h.1M2.7 12h.1',
  plus: 'M8 3.5v9M3.5 8h9',
  close: 'M4 4l8 8M12 4l-8 8',
  trash: 'M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5M6.8 7v3.5M9.2 7v3.5',
  comment: 'M3 3.5h10v7H7.5L4.8 13v-2.5H3z',
  check: 'M3.5 8.5l3 3 6-7',
  calendar: 'M3 4.5h10V13H3zM3 7.2h10M5.8 3v2.4M10.2 3v2.4',
  plug: 'M6 2.5v3M10 2.5v3M4.5 5.5h7v2.6a3.5 3.5 0 0 1-7 0zM8 11.6v2',
  unplugged: 'M6 2.5v3M10 2.5v3M4.5 5.5h7v2.6a3.5 3.5 0 0 1-5.6 2.8M8 11.6v2M2.5 2.5l11 11',
  bell: 'M4.2 11.5V7.6a3.8 3.8 0 0 1 7.6 0v3.9l1 .5H3.2zM6.8 13.4h2.4',
  lock: 'M4 7.5h8V13H4zM5.7 7.5V5.6a2.3 2.3 0 0 1 4.6 0v1.9',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.8v1.4M8 12.8v1.4M1.8 8h1.4M12.8 8h1.4M3.6 3.6l1 1M11.4 11.4l1 1M12.4 3.6l-1 1M4.6 11.4l-1 1',
  moon: 'M12.8 9.6A5.2 5.2 0 0 1 6.4 3.2a5.2 5.2 0 1 0 6.4 6.4z',
  system: 'M2.5 3.5h11v7.5h-11zM6 13.2h4',
  warning: 'M8 2.8l5.8 10.4H2.2zM8 6.6v3M8 11.3v.2',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
