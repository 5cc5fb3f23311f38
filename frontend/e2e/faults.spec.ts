import type { Response } from "@playwright/test";
import { expectRanOnce, expectWhole, running, written } from "./answers";
import { ChatPage, expect } from "./fixtures";
import { test } from "./harmed";

const RETRY_WRITES = "Retry to have the answer written again.";

/** What a page shows of a failure of the model: each is an alert with the next step and Retry. */
const FAILURES = [
  { fault: "error event", script: "[[error: 3]]", kept: "w0 w1 w2", told: /The model failed/ },
  // Slowly, as a reset connection loses what was not read yet.
  {
    fault: "cut",
    script: "[[slow: 20]] [[cut: 3]]",
    kept: "w0 w1 w2",
    told: /connection .* was cut/,
  },
  { fault: "early end", script: "[[end: 3]]", kept: "w0 w1 w2", told: /ended it too early/ },
  { fault: "stalled", script: "[[stall: 3]]", kept: "w0 w1 w2", told: /was silent for 2 s/ },
  { fault: "failed before the first token", script: "[[failed]]", kept: "", told: /model failed/ },
];

function asksAgain(response: Response): boolean {
  return response.request().postData()?.includes("regenerateMessage") ?? false;
}

test.describe("the model", () => {
  for (const { fault, script, kept, told } of FAILURES) {
    test(`model: ${fault}`, async ({ page }) => {
      const chat = new ChatPage(page);
      await chat.begin(script);
      const alert = chat.answer.getByRole("alert");
      await expect(alert).toContainText(told);
      await expect(alert).toContainText(RETRY_WRITES);
      await expect(chat.answer).toContainText(kept);
      await expect(chat.box).toBeEnabled();
      const askedAgain = page.waitForResponse(asksAgain);
      await alert.getByRole("button", { name: "Retry" }).click();
      await askedAgain;
      await chat.ended();
      await expect(alert).toHaveCount(1);
      await expect(page.getByRole("article")).toHaveCount(2);
    });
  }

  test("model: out of reach", async ({ page, stack }) => {
    const chat = new ChatPage(page);
    await stack.endModel();
    try {
      await chat.begin("Are you there?");
      const alert = chat.answer.getByRole("alert");
      await expect(alert).toContainText("cannot be reached");
      await expect(alert).toContainText("Check that the model's service is running, then retry.");
    } finally {
      await stack.startModel();
    }
    await chat.answer.getByRole("button", { name: "Retry" }).click();
    await expect(chat.answer).toHaveText(/You said: Are you there\?/);
    await expect(page.getByRole("alert")).toHaveCount(0);
  });

  test("model: busy, then free", async ({ page }) => {
    const chat = new ChatPage(page);
    await page.goto("/");
    await chat.ask("[[busy: 1]] [[answer: At last]]");
    // It waits for half a second only.
    const shown = () => chat.answer.textContent();
    await expect.poll(shown, { intervals: [20] }).toContain("Waiting for the model…");
    await expect(chat.answer).toContainText("At last");
    await expect(page.getByRole("alert")).toHaveCount(0);
  });

  test("model: busy for long", async ({ page }) => {
    const chat = new ChatPage(page);
    await chat.begin("[[busy: 2]] [[answer: At last]]");
    const alert = chat.answer.getByRole("alert");
    await expect(alert).toContainText("Wait a moment, then retry.");
    await alert.getByRole("button", { name: "Retry" }).click();
    await expect(chat.answer).toContainText("At last");
    await expect(alert).toHaveCount(0);
  });
});

test.describe("Redis", () => {
  test("Redis: killed in mid-token", async ({ page, stack }) => {
    const chat = await written(page, "w60");
    stack.signalRedis("SIGKILL");
    await expectWhole(chat);
  });

  test("Redis: killed in mid-cell", async ({ page, stack }) => {
    const chat = await running(page);
    stack.signalRedis("SIGKILL");
    await expectRanOnce(chat);
  });

  test("Redis: without what it had confirmed, after a crash", async ({ page, stack }) => {
    const chat = await written(page, "w60");
    await stack.crash(3000);
    await stack.startServer();
    await expectWhole(chat);
  });

  test("Redis: frozen in mid-answer, and a message sent meanwhile", async ({ page, stack }) => {
    const chat = new ChatPage(page);
    await chat.begin("Hello");
    const other = await written(await page.context().newPage(), "w60");
    stack.signalRedis("SIGSTOP");
    try {
      await chat.ask("Into the ice");
      await expectUnsent(chat, "Into the ice");
      await expect(other.page.getByText("Pybot is answering")).toBeAttached();
    } finally {
      stack.signalRedis("SIGCONT");
    }
    await expectWhole(other);
    await expectSentOnce(chat, "Into the ice");
  });

  const REFUSALS = [
    { fault: "full", harm: "CONFIG SET maxmemory 1", heal: "CONFIG SET maxmemory 0" },
    { fault: "read-only", harm: "REPLICAOF 127.0.0.1 9", heal: "REPLICAOF NO ONE" },
    {
      fault: "without its replicas",
      harm: "CONFIG SET min-replicas-to-write 1",
      heal: "CONFIG SET min-replicas-to-write 0",
    },
  ];
  for (const { fault, harm, heal } of REFUSALS) {
    test(`Redis: ${fault}`, async ({ page, stack }) => {
      const chat = new ChatPage(page);
      await chat.begin("Hello");
      const other = await written(await page.context().newPage(), "w60");
      await stack.tellRedis(harm);
      try {
        await chat.ask("Take this");
        await expectUnsent(chat, "Take this");
        await page.reload();
        await expect(chat.answer).toContainText("You said: Hello");
        await expect(page.getByText("Not sent", { exact: true })).toBeVisible();
      } finally {
        await stack.tellRedis(heal);
      }
      await expectWhole(other);
      await expectSentOnce(chat, "Take this");
    });
  }
});

/** The message stays where it was written to, and says that it was not sent. */
async function expectUnsent(chat: ChatPage, text: string): Promise<void> {
  const bubble = chat.page.getByRole("article", { name: "You" }).filter({ hasText: text });
  await expect(bubble.getByText("Not sent", { exact: true })).toBeVisible();
  await expect(bubble.getByRole("button", { name: "Retry" })).toBeVisible();
  await expect(chat.page.getByText(/^Your message was not sent\./).first()).toBeVisible();
}

/** Retry sends it, whether or not Redis had taken it, and there is one of it. */
async function expectSentOnce(chat: ChatPage, text: string): Promise<void> {
  const retry = chat.question.getByRole("button", { name: "Retry" });
  // Redis may have taken it when it thawed: then the message is there, and asks for nothing.
  if (await retry.isVisible()) await retry.click();
  await expect(chat.answer).toContainText(`You said: ${text}`);
  const questions = chat.page.getByRole("article", { name: "You" });
  await expect(questions).toHaveText(["Hello", text]);
  await chat.page.reload();
  await expect(questions).toHaveText(["Hello", text]);
}

test.describe("the server", () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(`server: ended by ${signal} in mid-answer and started again`, async ({ page, stack }) => {
      const chat = await written(page, "w60");
      const banner = page.getByText("Connection lost. Reconnecting…");
      await stack.endServer(signal);
      await expect(banner).toBeVisible();
      await expect(chat.answer).toContainText("w60 ");
      await stack.startServer();
      await expect(banner).toHaveCount(0);
      await expectWhole(chat);
    });
  }
});
