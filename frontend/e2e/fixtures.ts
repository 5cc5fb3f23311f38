import { test as base, expect, type Page } from "@playwright/test";
import { Proxy } from "./proxy";
import { startStack, type Stack } from "./stack";

export { expect };

interface Fixtures {
  /** What happened in any page that must never happen; checked after every test. */
  faults: string[];
  /** The network between the pages of this test and the server. */
  network: Proxy;
}

interface OfWorker {
  /** One for each process that runs tests, so that two run side by side. */
  stack: Stack;
}

export const test = base.extend<Fixtures, OfWorker>({
  stack: [
    async ({}, provide) => {
      const stack = await startStack();
      await provide(stack);
      await stack.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
  network: async ({ stack }, provide) => {
    const proxy = new Proxy(new URL(stack.url));
    await provide(proxy);
    await proxy.close();
  },
  baseURL: async ({ network }, provide) => {
    await provide(await network.open());
  },
  faults: [
    async ({ context, baseURL }, provide) => {
      const faults: string[] = [];
      context.on("weberror", (error) => faults.push(`error: ${error.error().message}`));
      context.on("console", (message) => {
        if (/Content Security Policy|Warning:|React/.test(message.text())) {
          faults.push(`console: ${message.text()}`);
        }
      });
      context.on("request", (request) => {
        const { origin, protocol } = new URL(request.url());
        if (origin !== baseURL && protocol !== "data:" && protocol !== "blob:") {
          faults.push(`request: ${request.url()}`);
        }
      });
      await provide(faults);
      expect(faults, "faults in the pages").toEqual([]);
    },
    { auto: true },
  ],
});

export class ChatPage {
  readonly box;
  readonly log;
  readonly send;
  readonly stop;
  readonly newChat;

  constructor(readonly page: Page) {
    this.box = page.getByRole("textbox", { name: "Message" });
    this.log = page.getByRole("log", { name: "Messages" });
    this.send = page.getByRole("button", { name: "Send" });
    this.stop = page.getByRole("button", { name: "Stop" });
    // The first link of the page; conversations without a title have the same name.
    this.newChat = page.getByRole("link", { name: "New chat" }).first();
  }

  get answer() {
    return this.page.getByRole("article", { name: "Pybot" }).last();
  }

  get question() {
    return this.page.getByRole("article", { name: "You" }).last();
  }

  get cell() {
    return this.answer.getByRole("region", { name: /^Python cell/ });
  }

  async ask(text: string): Promise<void> {
    await this.box.fill(text);
    await this.box.press("Enter");
  }

  /** Lets the model go on where `[[hold: N]]` stops it, until the answer has ended. */
  async release({ modelUrl }: Stack): Promise<void> {
    await expect(async () => {
      // The model holds a request only once it has got there, so once may be too early.
      await this.page.request.post(`${modelUrl}/release`);
      await expect(this.page.getByText("Answer finished")).toBeAttached({ timeout: 500 });
    }).toPass();
  }

  /** Waits until the newest answer has ended. */
  async ended(): Promise<void> {
    await expect(this.page.getByText("Answer finished")).toBeAttached();
  }

  /** Asks in a new chat and waits for the end. */
  async begin(text: string): Promise<void> {
    await this.page.goto("/");
    await this.ask(text);
    await expect(this.page).toHaveURL(/\/c\/.+/);
    await this.ended();
  }
}

/** How far a scroll box is from its end, in CSS pixels. */
export function fromEnd(element: Element): number {
  return element.scrollHeight - element.clientHeight - element.scrollTop;
}
