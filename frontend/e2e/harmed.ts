import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, truncate } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test as base } from "./fixtures";
import { childOf, gone, Program } from "./processes";
import { type Stack } from "./stack";

const PATIENCE = { LLM__IDLE_TIMEOUT: "2", LLM__MAX_ATTEMPTS: "2", RUN__LEASE: "2" };

/** A stack of its own whose parts can be killed, stopped and started again. */
export class HarmedStack implements Stack {
  url = "";
  modelUrl = "";
  readonly workers: Program[] = [];
  readonly #programs: Program[] = [];
  readonly #folder: string;
  /** Whether the workers are processes beside the server. */
  readonly #apart: boolean;
  #model!: Program;
  #up!: Program;

  private constructor(folder: string, apart: boolean) {
    this.#folder = folder;
    this.#apart = apart;
  }

  static async start(workers: number): Promise<HarmedStack> {
    const stack = new HarmedStack(await mkdtemp(join(tmpdir(), "pybot-e2e-")), workers > 0);
    try {
      await stack.startModel();
      await stack.startServer();
      for (let count = 0; count < workers; count++) await stack.startWorker();
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  async stop(): Promise<void> {
    for (const program of this.#programs.reverse()) await program.end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #start(args: string[], env: Record<string, string>): Program {
    const program = new Program(args, env);
    this.#programs.push(program);
    return program;
  }

  /** At the address that it had before. */
  async startModel(): Promise<void> {
    const port = new URL(this.modelUrl || "http://x:0").port || "0";
    this.#model = this.#start(["-m", "tests.scripted_tgi", "--port", port], {});
    this.modelUrl = await this.#model.until(/(http:\S+)/);
  }

  async endModel(): Promise<void> {
    await this.#model.end("SIGKILL");
  }

  /** At the address that it had before. */
  async startServer(): Promise<void> {
    const data = join(this.#folder, "data");
    const port = new URL(this.url || "http://x:0").port || "0";
    this.#up = this.#start(["-m", "pybot", "up", "--port", port, "--data-dir", data], {
      ...PATIENCE,
      LLM__URL: this.modelUrl,
      ...(this.#apart ? { RUN__CONCURRENCY: "0" } : {}),
    });
    this.url = await this.#up.until(/Pybot is ready at (http:\S+)/);
  }

  async endServer(signal: NodeJS.Signals): Promise<void> {
    await this.#up.end(signal);
  }

  /** Ends everything at once; the log of Redis is without so many bytes then. */
  async crash(lost: number): Promise<void> {
    const redis = childOf(this.#up.pid, "valkey-server");
    await this.endServer("SIGKILL");
    await gone(redis);
    const folder = join(this.#folder, "data/redis/appendonlydir");
    const name = (await readdir(folder)).find((it) => it.endsWith(".incr.aof"));
    if (!name) throw new Error("Redis keeps no log");
    const log = join(folder, name);
    await truncate(log, (await stat(log)).size - lost);
  }

  async startWorker(): Promise<Program> {
    const { socket, password } = await this.#redis();
    const worker = this.#start(["-m", "pybot", "worker"], {
      ...PATIENCE,
      REDIS_OM_URL: `unix://:${password}@${socket}?db=0`,
      LLM__URL: this.modelUrl,
      JUPYTER__OWNER_SOCKET: join(dirname(socket), "owner.sock"),
      RUN__CONCURRENCY: "2",
    });
    await worker.until(/(Pybot takes runs)/);
    this.workers.push(worker);
    return worker;
  }

  /** The worker that has a run, and is not this one. */
  holder(except?: Program): Program {
    const found = this.workers.find(
      (it) =>
        it !== except &&
        it.running &&
        it.said("run taken up") > it.said("run ended") + it.said("run taken over"),
    );
    if (!found) throw new Error("nobody has a run");
    return found;
  }

  signalRedis(signal: NodeJS.Signals): void {
    process.kill(childOf(this.#up.pid, "valkey-server"), signal);
  }

  /** Has Redis carry out a command. */
  async tellRedis(command: string): Promise<void> {
    const { socket, password } = await this.#redis();
    const client = connect(socket);
    client.write(`AUTH ${password}\r\n${command}\r\nQUIT\r\n`);
    client.resume();
    await once(client, "close");
  }

  async #redis(): Promise<{ socket: string; password: string }> {
    const config = await readFile(join(this.#folder, "data/redis/redis.conf"), "utf8");
    const socket = /^unixsocket "(.*)"$/m.exec(config)?.[1];
    const password = /^requirepass (.*)$/m.exec(config)?.[1];
    if (!socket || !password) throw new Error("Redis has no such configuration");
    return { socket, password };
  }
}

interface OfWorker {
  /** How many workers run beside the server; with none, it takes runs itself. */
  workersBeside: number;
  stack: HarmedStack;
}

/** Tests on a stack that they may harm; whoever harms it heals it. */
export const test = base.extend<object, OfWorker>({
  workersBeside: [0, { option: true, scope: "worker" }],
  stack: [
    async ({ workersBeside }, provide) => {
      const stack = await HarmedStack.start(workersBeside);
      await provide(stack);
      await stack.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
});
