/** Stands for plugins of Prettier that `format.ts` does without. */

export const printers = {};
export const parsers = {};
