/** What the scalars of RxGraph are in TypeScript: they travel as text (schema/PROTOCOL.md, Values). */
export const scalars = {
  ID: 'string',
  BigInt: 'string',
  Cursor: 'string',
  Date: 'string',
  DateTime: 'string',
  Decimal: 'string',
  Duration: 'string',
  Time: 'string',
  UUID: 'string',
  JSON: 'unknown',
} as const;
