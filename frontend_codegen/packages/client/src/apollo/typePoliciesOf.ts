import type { TypePolicies } from '@apollo/client';
import type { ChannelDescriptor } from '../core/index.js';

/**
 * Return type policies by which Apollo Client takes lists as they come.
 *
 * It does so without them; but in development it warns, once per list, when one gets shorter.
 */
export function typePoliciesOf(...channels: readonly Pick<ChannelDescriptor, 'layers'>[]) {
  const policies: TypePolicies = {};
  for (const { layers } of channels) {
    for (const [typename, { relations }] of Object.entries(layers)) {
      const lists = Object.entries(relations).filter(([, { many }]) => many);
      const fields = Object.fromEntries(lists.map(([name]) => [name, { merge: false }]));
      if (lists.length) policies[typename] = { fields };
    }
  }
  return policies;
}
