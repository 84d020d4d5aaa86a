// One connection of an audit: sends what it is told to, well-formed or not, and keeps what comes.

export const PROTOCOL = 'graphql-transport-ws';

/** A server does something else than the rule says. */
export class Broken extends Error {}

/** Throws what is wrong unless *isRight*. */
export function expect(isRight, reason) {
  if (!isRight) throw new Broken(reason);
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const shown = (value) => JSON.stringify(value)?.slice(0, 200);

export class Probe {
  /** Messages that have come, in order; what was not JSON is a string. */
  messages = [];
  /** `{ code, reason }` when the socket is closed; code 0: the handshake was refused. */
  end = null;
  #listeners = new Set();
  #taken = new Set();

  constructor(options, { protocols = [PROTOCOL] } = {}) {
    this.options = options;
    const { WebSocket, url, headers } = options;
    this.socket = new WebSocket(url, protocols, { headers, handshakeTimeout: options.patienceMs });
    this.opened = new Promise((resolve) => {
      this.socket.once('open', resolve);
      this.socket.once('close', resolve);
      this.socket.once('error', (error) => {
        this.refusal = error.message;
        resolve();
      });
    });
    this.socket.on('message', (data, isBinary) => {
      this.messages.push(isBinary ? data : parsed(String(data)));
      this.#tell();
    });
    this.socket.on('close', (code, reason) => {
      this.end = { code: this.refusal ? 0 : code, reason: String(reason) };
      this.#tell();
    });
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }

  /** Sends a message; text and bytes go as they are. */
  send(...messages) {
    for (const message of messages) {
      const isRaw = typeof message === 'string' || message instanceof Uint8Array;
      this.raw(isRaw ? message : JSON.stringify(message));
    }
    return this;
  }

  /** Sends one frame; *options* are those of `ws`. */
  raw(data, options = {}) {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(data, options, () => {});
    return this;
  }

  subscribe(id, payload) {
    return this.send({ id, type: 'subscribe', payload });
  }

  complete(id) {
    return this.send({ id, type: 'complete' });
  }

  init(payload = this.options.connectionParams) {
    return this.send(payload === undefined ? { type: 'connection_init' } : { type: 'connection_init', payload });
  }

  /** Returns what *find* returns, as soon as it is not undefined; undefined when *ms* are over. */
  async until(find, ms = this.options.patienceMs) {
    const found = find();
    if (found !== undefined) return found;
    return new Promise((resolve) => {
      const over = (value) => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        resolve(value);
      };
      const look = () => {
        const value = find();
        if (value !== undefined) over(value);
      };
      const timer = setTimeout(over, ms);
      this.#listeners.add(look);
    });
  }

  /** Returns the first message that *isWanted* and was not returned yet; fails when none comes. */
  async next(isWanted, what, ms) {
    const found = await this.until(() => {
      const index = this.messages.findIndex((message, i) => !this.#taken.has(i) && isWanted(message));
      if (index < 0) return this.end ? null : undefined;
      this.#taken.add(index);
      return this.messages[index];
    }, ms);
    expect(found, `${what} did not come${this.end ? `; the socket was closed with ${this.end.code}` : ''}`);
    return found;
  }

  type(type, ms) {
    return this.next((message) => message?.type === type, type, ms);
  }

  /** Returns the next message of an operation, which is of *type*. */
  async of(id, type) {
    const message = await this.next((found) => found?.id === id, `${type} of ${id.slice(0, 40)}`);
    expect(message.type === type, `${shown(message)} came instead of ${type}`);
    return message;
  }

  /** Messages of an operation so far. */
  all(id) {
    return this.messages.filter((message) => message?.id === id);
  }

  /** Fails when the server does not close the socket with one of *codes*. */
  async closes(...codes) {
    const end = await this.until(() => this.end ?? undefined);
    expect(end, `the socket was not closed; last came ${shown(this.messages.at(-1)) ?? 'nothing'}`);
    expect(codes.includes(end.code), `the socket was closed with ${end.code} ${end.reason}`);
    return end;
  }

  /** Fails when the server does not answer a ping: the socket lives, and all before was handled. */
  async lives() {
    this.send({ type: 'ping' });
    await this.type('pong');
  }

  /** Waits until it is fair to say that nothing came. */
  async quiet() {
    await wait(this.options.silenceMs);
  }

  /** Fails when messages of an operation have come after the first *count*, or come now. */
  async nothingMore(id, count) {
    await this.quiet();
    const more = this.all(id).slice(count);
    expect(more.length === 0, `${shown(more[0])} came after the end`);
  }

  leave() {
    this.socket.on('error', () => {});
    this.socket.terminate();
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
