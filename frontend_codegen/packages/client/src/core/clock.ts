/** Time, chance and names, so that tests can turn them by hand. */
export interface Clock {
  /** The present, in milliseconds since 1970. */
  now(): number;
  /** Run *task* in so many milliseconds, unless the returned function is called before. */
  after(milliseconds: number, task: () => void): () => void;
  /** A number from 0 up to 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, task) => {
    const timer = setTimeout(task, milliseconds);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Return a name that nobody else has given. */
export function uniqueId({ now, random }: Clock): string {
  const part = () => Math.floor(random() * 2 ** 32).toString(36);
  return `${now().toString(36)}-${part()}${part()}`;
}
