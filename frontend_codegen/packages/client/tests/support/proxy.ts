/** A TCP proxy before the server, which can cut, hold back, or break off in the middle. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class CuttingProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Bytes from the server that still pass; then every connection breaks off. */
  left = Number.POSITIVE_INFINITY;
  /** Whether nothing passes in either direction, though all connections stay. */
  isStalled = false;
  /** Whether new connections are refused. */
  isDown = false;

  private constructor(target: number) {
    this.#server = createServer((client) => {
      client.on('error', () => {});
      if (this.isDown) {
        client.destroy();
        return;
      }
      const upstream = connect(target, '127.0.0.1');
      const pair = [client, upstream] as const;
      this.#pairs.add(pair);
      const end = () => {
        this.#pairs.delete(pair);
        client.destroy();
        upstream.destroy();
      };
      client.on('data', (bytes) => {
        if (!this.isStalled) upstream.write(bytes);
      });
      upstream.on('data', (bytes: Buffer) => {
        if (this.isStalled) return;
        if (bytes.length < this.left) {
          this.left -= bytes.length;
          client.write(bytes);
          return;
        }
        client.write(bytes.subarray(0, this.left), end);
        this.left = Number.POSITIVE_INFINITY;
      });
      for (const socket of pair) socket.on('error', end).on('close', end);
    });
  }

  static async to(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Break every connection off. */
  cut(): void {
    for (const [client, upstream] of [...this.#pairs]) {
      client.destroy();
      upstream.destroy();
    }
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
