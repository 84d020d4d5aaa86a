/**
 * Types of a live state: what generated code declares writable has methods, the rest has none.
 */
import type { ChannelTypes } from './descriptor.js';

/** How a write is made. */
export interface WriteOptions {
  /** Show it before the server has answered. @defaultValue what the serializer's Meta says */
  readonly optimistic?: boolean;
  /** Meanwhile show the instance at this place of its list. */
  readonly at?: number;
  /** What to show meanwhile for fields that *data* does not have. */
  readonly show?: Readonly<Record<string, unknown>>;
  /** Name of this write. @defaultValue a unique one */
  readonly clientMutationId?: string;
}

/** How a save is made. */
export interface SaveOptions extends WriteOptions {
  /** A cursor: refuse the write when the instance was changed after it. */
  readonly expectedVersion?: string;
}

/** A write that the server has done. */
export interface Written {
  /** Empty while {@link cursor} is null: the server could not read what it has written. */
  readonly id: string;
  readonly clientMutationId: string;
  /** The position of the stream that contains the write; null: not known yet. */
  readonly cursor: string | null;
}

/** Methods of an instance whose layer can be written; all reject with RefusedError. */
export type InstanceMethods<W> = (W extends { readonly save: infer Data }
  ? { save(data: Data, options?: SaveOptions): Promise<Written> }
  : unknown) &
  (W extends { readonly delete: true }
    ? { delete(options?: WriteOptions): Promise<Written> }
    : unknown);

/** Methods of a list that instances can be created in. */
export interface ListMethods<Data> {
  /** Create an instance; it is shown at the end, or where the options say. */
  create(data: Data, options?: WriteOptions): Promise<Written>;
}

type WritesOf<Name, Writes> = Name extends keyof Writes ? Writes[Name] : unknown;

type DataOf<Item, Path extends string, Writes> = Item extends { readonly __typename?: infer Name }
  ? WritesOf<NonNullable<Name>, Writes> extends { readonly create: infer Lists }
    ? Path extends keyof Lists
      ? ListMethods<Lists[Path]>
      : unknown
    : unknown
  : unknown;

type LiveList<Item, Path extends string, Writes> = readonly Live<Item, Writes>[] &
  DataOf<Item, Path, Writes>;

type LiveField<Field, Path extends string, Writes> = Field extends readonly (infer Item)[]
  ? LiveList<Item, Path, Writes>
  : Live<Field, Writes>;

type LiveObject<Value, Name, Writes> = {
  readonly [Key in keyof Value]: LiveField<Value[Key], `${Name & string}.${Key & string}`, Writes>;
} & InstanceMethods<WritesOf<Name, Writes>>;

/** A nested value, readonly all through, with the methods that *Writes* declare. */
export type Live<Value, Writes> = Value extends readonly (infer Item)[]
  ? readonly Live<Item, Writes>[]
  : Value extends { readonly __typename?: infer Name }
    ? LiveObject<Value, NonNullable<Name>, Writes>
    : Value;

/** The live state of a channel. */
export type LiveState<T extends ChannelTypes> = Live<T['state'], T['writes']>;

/** A live instance of a layer. */
export type LiveInstance<T extends ChannelTypes, N extends keyof T['entities']> = Live<
  T['entities'][N],
  T['writes']
>;
