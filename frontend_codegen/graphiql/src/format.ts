/**
 * Formats what the editors hold. GraphiQL asks Prettier; for JSON the parser that is here anyway
 * does, and Prettier's parser of JavaScript stays out of the bundle.
 */

import { applyEdits, format as formatJson } from 'jsonc-parser';
import type { Options } from 'prettier';
import { format as formatWithPrettier } from 'prettier/standalone';

/** Format *text* in the language that `options.parser` names. */
export async function format(text: string, options: Options): Promise<string> {
  if (options.parser !== 'jsonc') return formatWithPrettier(text, options);
  const edits = formatJson(text, undefined, { tabSize: 2, insertSpaces: true, eol: '\n' });
  return applyEdits(text, edits);
}
