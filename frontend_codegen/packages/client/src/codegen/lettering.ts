/** The first letter of a name, as the schema's own names are made. */

/** `task` → `Task` */
export const upperFirst = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** `Rename` → `rename` */
export const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
