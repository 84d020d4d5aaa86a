import { ChannelConnection, type ChannelOptions } from '../core/ChannelConnection.js';
import type { ChannelDescriptor, ChannelTypes } from '../core/descriptor.js';
import type { Transport } from '../core/transport.js';
import type { Writes } from '../core/writes.js';
import { Writer } from './writer.js';

/** A live channel whose state has the methods that `Meta.writable` declares. */
export class WritableConnection<T extends ChannelTypes> extends ChannelConnection<T, T['writes']> {
  /** The same writes by name: `writer.save('Task', id, data)`. */
  readonly writer: Writer;

  constructor(
    descriptor: ChannelDescriptor<T>,
    variables: T['variables'],
    transport: Transport,
    options: ChannelOptions<T> = {},
  ) {
    let writer: Writer | undefined;
    const writes = (host: ConstructorParameters<typeof Writer>[0]): Writes => {
      writer = new Writer(host);
      return writer;
    };
    super(descriptor, variables, transport, options, writes);
    this.writer = writer as unknown as Writer;
  }
}
