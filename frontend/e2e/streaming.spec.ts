import { ChatPage, expect, test } from "./fixtures";

const COUNT = 240;
const STREAM = `[[long: ${COUNT}]] [[slow: 80]]`;
const WORDS = Array.from({ length: COUNT }, (_, index) => `w${index}`).join(" ");

test("a connection cut again and again loses nothing and doubles nothing", async ({
  page,
  network,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask(STREAM);
  for (const word of ["w20", "w60", "w100", "w140", "w180", "w220"]) {
    await expect(chat.answer).toContainText(`${word} `);
    network.cut();
  }
  await chat.ended();
  await expect(chat.answer.locator("p").first()).toHaveText(WORDS);
});

test("while there is no connection a banner says so, and it goes with the connection's return", async ({
  page,
  network,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask(STREAM);
  await expect(chat.answer).toContainText("w10 ");
  network.down();
  const banner = page.getByRole("status").filter({ hasText: "Connection lost. Reconnecting…" });
  await expect(banner).toBeVisible();
  network.up();
  await expect(banner).toHaveCount(0);
  await chat.ended();
  await expect(chat.answer.locator("p").first()).toHaveText(WORDS);
});

test("a browser that goes offline and back resumes", async ({ page, context }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask(STREAM);
  await expect(chat.answer).toContainText("w10 ");
  await context.setOffline(true);
  await expect(page.getByText("Connection lost. Reconnecting…")).toBeVisible();
  await context.setOffline(false);
  await chat.ended();
  await expect(chat.answer.locator("p").first()).toHaveText(WORDS);
});

test("a reload in the middle loses nothing", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask(STREAM);
  await expect(chat.answer).toContainText("w30 ");
  await page.reload();
  await expect(chat.answer).toContainText("w30 ");
  await expect(chat.answer).toHaveAttribute("aria-busy", "true");
  await chat.ended();
  await expect(chat.answer.locator("p").first()).toHaveText(WORDS);
});

test("leaving and coming back in the middle goes on with the answer", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask(STREAM);
  await expect(chat.answer).toContainText("w20 ");
  await chat.newChat.click();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.goBack();
  await expect(chat.answer).toContainText("w20 ");
  await chat.ended();
  await expect(chat.answer.locator("p").first()).toHaveText(WORDS);
});

test("a second tab shows the same conversation as it happens", async ({ page, context }) => {
  const chat = new ChatPage(page);
  await chat.begin("Hello");
  const other = new ChatPage(await context.newPage());
  await other.page.goto(page.url());
  await expect(other.answer).toContainText("You said: Hello");
  await chat.ask(STREAM);
  await expect(other.question).toHaveText(STREAM);
  await expect(other.answer).toContainText("w10 ");
  await expect(other.answer).toHaveAttribute("aria-busy", "true");
  await expect(other.stop).toBeVisible();
  await other.stop.click();
  await expect(chat.answer.getByText("Stopped", { exact: true })).toBeVisible();
  await expect(other.answer.getByText("Stopped", { exact: true })).toBeVisible();
  const text = (it: ChatPage) => it.answer.locator("p").first().innerText();
  expect(await text(other)).toBe(await text(chat));
});

test("the title appears by itself after the first answer, here and in the list", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask("Name this [[title: Naming things]]");
  await expect(page).toHaveTitle("Naming things");
  const row = page.getByRole("navigation").getByRole("link", { name: "Naming things" });
  await expect(row.first()).toBeVisible();
});

test("a cursor that has expired, or is none, leads to the snapshot, and on from there", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  const codes = ["CURSOR_EXPIRED", "BAD_USER_INPUT"];
  await page.routeWebSocket("/graphql", (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      const frame = JSON.parse(String(message)) as { id?: string; type: string };
      const follows = String(message).includes("conversationEvents(");
      const code = frame.type === "subscribe" && follows ? codes.shift() : undefined;
      if (code === undefined) {
        server.send(message);
        return;
      }
      const payload = [{ message: "gone", extensions: { code } }];
      socket.send(JSON.stringify({ id: frame.id, type: "error", payload }));
    });
  });
  await page.goto("/");
  await chat.ask(STREAM);
  await chat.ended();
  expect(codes).toEqual([]);
  await expect(chat.answer.locator("p").first()).toHaveText(WORDS);
});
