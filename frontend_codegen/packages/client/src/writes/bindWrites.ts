/** Gives nested values the methods that their channel declares: save, delete, and create on lists. */
import type { ChannelDescriptor } from '../core/descriptor.js';
import type { SaveOptions, WriteOptions } from '../core/live.js';
import type { Binding } from '../core/plan.js';
import type { Writer } from './writer.js';

type Fields = Readonly<Record<string, unknown>>;

/** Return the binding of *descriptor*'s layers to *writer*. */
export function bindWrites({ layers, writes }: ChannelDescriptor, writer: Writer): Binding {
  const prototypes = new Map<string, object>();
  for (const [typename, declared] of Object.entries(writes)) {
    prototypes.set(typename, {
      ...(declared.save && {
        save(this: { id: string }, data: Fields, options?: SaveOptions) {
          return writer.save(typename, this.id, data, options);
        },
      }),
      ...(declared.delete && {
        delete(this: { id: string }, options?: WriteOptions) {
          return writer.delete(typename, this.id, options);
        },
      }),
    });
  }
  for (const prototype of prototypes.values()) {
    for (const name of Object.keys(prototype)) {
      Object.defineProperty(prototype, name, { enumerable: false });
    }
  }
  return {
    instance: ({ typename }) => Object.create(prototypes.get(typename) ?? Object.prototype),
    list: ({ typename }, id, { name, type }, list) => {
      if (!layers[typename]?.relations[name]?.parentKey || !writes[type]?.create) return;
      Object.defineProperty(list, 'create', {
        value: (data: Fields, options?: WriteOptions) =>
          writer.create({ typename, id, relation: name }, data, options),
      });
    },
  };
}
