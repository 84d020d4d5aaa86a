/** What the plugin reads from a schema, before it is printed: the facts of one channel. */
import type { LayerDescriptor } from '../core/descriptor.js';

/** One mutation that writes an instance of a layer. */
export interface WriteModel {
  readonly field: string;
  /** Field of the payload that holds the instance, or `deletedId`. */
  readonly instance: string;
  /** Name of the input type of `data`; null where nothing can be said. */
  readonly input: string | null;
}

export type WriteVerb = 'save' | 'create' | 'delete';

/** One method that clients can call. */
export interface ActionModel {
  /** The mutation: `projectRename`. */
  readonly field: string;
  /** Its arguments without `session`; whether each may be left out. */
  readonly arguments: Readonly<Record<string, boolean>>;
}

/** One channel of a schema. */
export interface ChannelModel {
  readonly field: string;
  readonly typename: string;
  readonly many: boolean;
  readonly root: string;
  readonly hasRuntime: boolean;
  readonly description: string | null;
  readonly layers: Readonly<Record<string, LayerDescriptor>>;
  /** Type name to what can be written of it. */
  readonly writes: Readonly<Record<string, Partial<Record<WriteVerb, WriteModel>>>>;
  /** By their names: `rename`. */
  readonly actions: Readonly<Record<string, ActionModel>>;
}
