/** An expression that is printed as it stands, such as the name of a document. */
export class Code {
  constructor(readonly text: string) {}
}

const NAME = /^[A-Za-z_$][\w$]*$/;
const WIDTH = 100;

/** Return the TypeScript of a plain value, on one line where it is short. */
export function printValue(value: unknown, indent = ''): string {
  if (value instanceof Code) return value.text;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const isList = Array.isArray(value);
  const inner = `${indent}  `;
  const parts = isList
    ? value.map((item) => printValue(item, inner))
    : Object.entries(value).map(([key, item]) => `${printKey(key)}: ${printValue(item, inner)}`);
  const [open, close] = isList ? '[]' : '{}';
  if (parts.length === 0) return `${open}${close}`;
  const space = isList ? '' : ' ';
  const line = `${open}${space}${parts.join(', ')}${space}${close}`;
  if (indent.length + line.length <= WIDTH && !line.includes('\n')) return line;
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}${close}`;
}

/** Return a key of an object or a type. */
export function printKey(key: string): string {
  return NAME.test(key) && key !== '__proto__' ? key : JSON.stringify(key);
}
