/**
 * What generated code says about a channel: plain data and documents, and the types behind them.
 *
 * `manage.py makefrontend` writes one {@link ChannelDescriptor} per channel. Everything in this
 * package works from it, so nothing has to be configured by hand.
 */

/** A GraphQL document: the text, or the AST that GraphQL Code Generator emits. */
export type GraphQLDocument = string | { readonly kind: 'Document' };

/** A field of a layer that leads to other instances. */
export interface RelationDescriptor {
  /** The layer it leads to: `"Task"`. */
  readonly type: string;
  readonly many: boolean;
  /** Whether a single relation may be null. */
  readonly nullable: boolean;
  /** Key of the `parent` input under which a new instance joins this list; absent: none can. */
  readonly parentKey?: string;
}

/** One serializer of the tree, and so one GraphQL type. */
export interface LayerDescriptor {
  /** Its list in `changed`: `"tasks"`. */
  readonly changes: string;
  readonly relations: Readonly<Record<string, RelationDescriptor>>;
  /** Input fields that set a relation: `{ assigneeId: "assignee", labelIds: "labels" }`. */
  readonly inputs: Readonly<Record<string, string>>;
  /**
   * What a new instance shows until the server answers, for fields that nobody gave: null, `[]`,
   * `""`, `0`, `false`, the first value of an enum. Non-null single relations are left out.
   */
  readonly empty: Readonly<Record<string, unknown>>;
  /** Non-null DateTime fields: a new instance shows the present time. */
  readonly clocks: readonly string[];
  /** Whether a write shows before the server has answered. */
  readonly optimistic: boolean;
  /** Seconds after which the server's state wins over an unconfirmed write. */
  readonly optimisticTimeout: number;
}

/** One mutation that writes an instance. */
export interface WriteDescriptor {
  /** The mutation: `"projectSaveTask"`. */
  readonly field: string;
  /** Field of the payload that holds the instance: `"task"`; for a deletion `"deletedId"`. */
  readonly instance: string;
  readonly document: GraphQLDocument;
}

/** What can be written of one layer; what is not declared is absent. */
export interface LayerWriteDescriptors {
  readonly save?: WriteDescriptor;
  readonly create?: WriteDescriptor;
  readonly delete?: WriteDescriptor;
}

/** One method that a client can call on its live context. */
export interface ActionDescriptor {
  /** The mutation: `"projectRename"`. */
  readonly field: string;
  readonly document: GraphQLDocument;
}

/** The input types of what can be written of one layer. */
export interface LayerWriteTypes {
  readonly save?: object;
  /** List to input: `{ 'Project.tasks': TaskCreateInput }`; lists with a `parentKey` are here. */
  readonly create?: object;
  readonly delete?: true;
}

/** The types of one action. */
export interface ActionTypes {
  /** Its arguments, without `session`. */
  readonly arguments: object;
  readonly result: unknown;
}

/** The types of one channel; generated code fills them in. */
export interface ChannelTypes {
  /** The arguments of the channel's field, without `after`. */
  readonly variables: object;
  /** The nested state: of a list channel a readonly array, else an object (never null here). */
  readonly state: unknown;
  /** Type name to nested instance, for every layer. */
  readonly entities: object;
  /** The runtime state, or null where the channel has none. */
  readonly runtime: object | null;
  /** Type name to {@link LayerWriteTypes}, for layers that can be written. */
  readonly writes: object;
  /** Name to {@link ActionTypes}. */
  readonly actions: object;
}

/** One channel: where it is served, what its layers are, and its documents. */
export interface ChannelDescriptor<T extends ChannelTypes = ChannelTypes> {
  /** The root field: `"project"`. */
  readonly field: string;
  /** The entity type of the live context: `"ProjectChannel"`. */
  readonly typename: string;
  /** Whether the state is a list. */
  readonly many: boolean;
  /** The layer of the anchor: `"Project"`. */
  readonly root: string;
  readonly layers: Readonly<Record<string, LayerDescriptor>>;
  readonly query: GraphQLDocument;
  readonly subscription: GraphQLDocument;
  readonly writes: Readonly<Record<string, LayerWriteDescriptors>>;
  readonly actions: Readonly<Record<string, ActionDescriptor>>;
  /** Carries the types; there is no such value. */
  readonly types?: T;
}
