import { ChatPage, expect, test } from "./fixtures";

test("a sent message shows at once, with Stop, before the server has answered", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.box.fill("Hello");
  await page.route("/graphql", async (route) => {
    // Longer than what is measured below, so that only the page itself can be so quick.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await route.continue();
  });
  const milliseconds = await chat.box.evaluate(async (box) => {
    const begun = performance.now();
    box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    const shown = () =>
      document.querySelector("article[aria-label=You]") !== null &&
      document.querySelector("button[aria-label=Stop]") !== null;
    while (!shown()) await new Promise(requestAnimationFrame);
    return performance.now() - begun;
  });
  expect(milliseconds).toBeLessThan(100);
  await expect(chat.box).toHaveValue("");
  await chat.ended();
  await expect(page.getByRole("article", { name: "You" })).toHaveCount(1);
});

test("the answer is busy while it streams; a placeholder stands in until the first token", async ({
  page,
  stack,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask("[[hold: 0]] [[answer: The first token]]");
  await expect(chat.answer).toHaveAttribute("aria-busy", "true");
  await expect(chat.answer).toContainText(/Waiting for the model|Thinking/);
  await expect(page.getByText("Pybot is answering")).toBeAttached();
  await chat.release(stack);
  await expect(chat.answer).toContainText("The first token");
  await expect(chat.answer).toHaveAttribute("aria-busy", "false");
  await expect(chat.answer).not.toContainText(/Waiting for the model|Thinking/);
  await expect(page.getByText("Answer finished")).toBeAttached();
});

test("a retry after a lost response sends no second message", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin("Hello");
  // The server does what it is asked, but its response is lost on the way.
  await page.route(
    "/graphql",
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );
  await chat.ask("Once only");
  await expect(chat.answer).toHaveText(/You said: Once only/);
  await expect(page.getByRole("article", { name: "You" })).toHaveText(["Hello", "Once only"]);
  await page.reload();
  await expect(page.getByRole("article", { name: "You" })).toHaveText(["Hello", "Once only"]);
});

test("a retry in a new chat after a lost response opens the first one's conversation", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await page.route(
    "/graphql",
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );
  await chat.ask("[[answer: Found]] [[title: Lost and found]]");
  await expect(page.getByText("Not sent", { exact: true })).toBeVisible();
  const links = page.getByRole("navigation").getByRole("link", { name: "Lost and found" });
  await expect(links).toHaveCount(1);
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page).toHaveURL(/\/c\/.+/);
  await expect(chat.answer).toContainText("Found");
  await expect(page.getByRole("article", { name: "You" })).toHaveCount(1);
  await expect(links).toHaveCount(1);
});

test("offline, the message is marked as not sent, survives a reload, and Retry sends it", async ({
  page,
  network,
}) => {
  const chat = new ChatPage(page);
  await chat.begin("Hello");
  network.down();
  await chat.ask("Into the dark");
  const bubble = page.getByRole("article", { name: "You" }).filter({ hasText: "Into the dark" });
  await expect(bubble.getByText("Not sent", { exact: true })).toBeVisible();
  await expect(page.getByText("Your message was not sent.", { exact: true })).toBeVisible();
  network.up();
  await page.reload();
  await expect(bubble.getByText("Not sent", { exact: true })).toBeVisible();
  await bubble.getByRole("button", { name: "Retry" }).click();
  await expect(chat.answer).toHaveText(/You said: Into the dark/);
  await expect(bubble).toHaveCount(1);
  await expect(page.getByText("Not sent", { exact: true })).toHaveCount(0);
});

test("Stop ends the answer, keeps what was written and offers to write it again", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask("[[long: 500]] [[slow: 20]]");
  await expect(chat.answer).toContainText("w0 w1");
  await chat.stop.press("Enter");
  await expect(chat.answer.getByText("Stopped", { exact: true })).toBeVisible();
  await expect(chat.box).toBeFocused();
  await expect(chat.answer).toContainText("w0 w1");
  await expect(chat.send).toBeVisible();
  await expect(chat.answer.getByRole("button", { name: "Regenerate" })).toBeVisible();
});

test("Esc stops too, also before the server has taken the message", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await page.route(
    "/graphql",
    async (route) => {
      await expect(chat.stop).toBeVisible();
      await chat.box.press("Escape");
      await route.continue();
    },
    { times: 1 },
  );
  await chat.ask("[[long: 500]] [[slow: 20]]");
  await expect(chat.answer.getByText("Stopped", { exact: true })).toBeVisible();
});

test("Stop interrupts running code", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask("[[code: import time\nprint('begun', flush=True)\ntime.sleep(60)]]");
  await expect(chat.cell.getByText("begun", { exact: true })).toBeVisible();
  await chat.stop.click();
  await expect(chat.cell.getByText("Interrupted", { exact: true })).toBeVisible();
  await expect(chat.answer.getByText("Stopped", { exact: true })).toBeVisible();
});

test("Regenerate writes another answer in place of the newest", async ({ page, stack }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask("[[hold: 1]] [[answer: Once more]]");
  await chat.release(stack);
  await chat.answer.getByRole("button", { name: "Regenerate" }).press("Enter");
  await expect(page.getByText("Pybot is answering")).toBeAttached();
  await expect(chat.box).toBeFocused();
  await expect(chat.answer).not.toContainText("Once more");
  await chat.release(stack);
  await expect(page.getByRole("article")).toHaveCount(2);
  await expect(chat.answer).toContainText("Once more");
});

test("an answer that breaks off says why, what to do next, and Retry does it", async ({
  page,
  stack,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask("[[error: 3]] [[hold: 1]]");
  await chat.release(stack);
  const alert = chat.answer.getByRole("alert");
  await expect(alert).toContainText("Retry to have the answer written again.");
  await expect(chat.answer).toContainText("w0 w1 w2");
  await alert.getByRole("button", { name: "Retry" }).press("Enter");
  await expect(page.getByText("Pybot is answering")).toBeAttached();
  await expect(chat.box).toBeFocused();
  await expect(alert).toHaveCount(0);
  await chat.release(stack);
  await expect(alert).toBeVisible();
  await expect(page.getByRole("article")).toHaveCount(2);
});

test("a kernel that died is named, and one press starts another", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  // Files outlive a kernel, so it dies once only.
  await chat.ask(`[[code: import os, signal
if not os.path.exists("died"):
    open("died", "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
print("alive")]]`);
  const alert = chat.answer.getByRole("alert");
  await expect(alert).toContainText("Restart the kernel and retry.");
  await expect(page.getByRole("button", { name: "Kernel: Dead" })).toBeVisible();
  await alert.getByRole("button", { name: "Restart kernel and retry" }).click();
  await expect(chat.cell.getByText("alive", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Kernel: Idle" })).toBeVisible();
});
