/** The headers editor: a JSON object of texts, of which empty tokens mean nothing. */

export type Headers = Readonly<Record<string, string>>;

/** What the editor shows before anybody wrote a token. */
export const TEMPLATE = JSON.stringify({ Authorization: 'Token ' }, null, 2);

/** Return the headers that say something: `Authorization: "Token "` is only the template. */
export function meantHeaders(given: unknown): Headers {
  if (typeof given !== 'object' || given === null) return {};
  const texts = Object.entries(given).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(
    texts.filter(([, value]) => value.trim() !== '' && !/^(token|bearer)\s*$/i.test(value.trim())),
  );
}
