// A network between a client and the server that can fail.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export class Network {
  /** How many connections clients have made. */
  connections = 0;
  private isDown = false;
  private readonly sockets = new Set<Socket>();
  private readonly listener = createServer((client) => this.join(client));

  private constructor(private readonly target: URL) {}

  static async open(target: string): Promise<Network> {
    const network = new Network(new URL(target));
    network.listener.listen(0, "127.0.0.1");
    await once(network.listener, "listening");
    return network;
  }

  /** Where the target is reached through this network. */
  get url(): string {
    const { port } = this.listener.address() as AddressInfo;
    return `http://127.0.0.1:${port}${this.target.pathname}`;
  }

  /** End all connections without a word. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
    this.sockets.clear();
  }

  /** End all connections, and let none be made. */
  goDown(): void {
    this.isDown = true;
    this.cut();
  }

  comeBack(): void {
    this.isDown = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.listener.close();
    await once(this.listener, "close");
  }

  private join(client: Socket): void {
    if (this.isDown) {
      client.resetAndDestroy();
      return;
    }
    this.connections += 1;
    const server = connect(Number(this.target.port), this.target.hostname);
    client.pipe(server).pipe(client);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => this.sockets.delete(socket));
    }
  }
}
