import { type Page } from "@playwright/test";
import { expectRanOnce, expectWhole, running, written } from "./answers";
import { expect } from "./fixtures";
import { test, type HarmedStack } from "./harmed";

test.use({ workersBeside: 2 });

test.afterEach(async ({ stack }) => {
  while (stack.workers.filter(({ running }) => running).length < 2) await stack.startWorker();
});

/** Stops the worker that has the run until another one has taken it up. */
async function outlast(stack: HarmedStack): Promise<void> {
  const lost = stack.holder();
  lost.child.kill("SIGSTOP");
  await expect(() => stack.holder(lost)).toPass();
  lost.child.kill("SIGCONT");
  await expect.poll(() => lost.said("run taken over")).toBeGreaterThan(0);
}

/** Waits until a word has gone from the answer, however soon it is back. */
async function withoutWord(page: Page, word: string): Promise<void> {
  await page.waitForFunction((gone) => {
    const answer = document.querySelector("article[aria-label=Pybot]");
    return answer !== null && !answer.textContent.includes(`${gone} `);
  }, word);
}

const LOSSES = [
  { fault: "killed", harm: (stack: HarmedStack) => stack.holder().end("SIGKILL") },
  { fault: "stopped and continued", harm: outlast },
  { fault: "ended", harm: (stack: HarmedStack) => stack.holder().end("SIGTERM") },
];
for (const { fault, harm } of LOSSES) {
  test(`worker: ${fault} in mid-token`, async ({ page, stack }) => {
    const chat = await written(page, "w60");
    const begunAnew = withoutWord(page, "w60");
    await harm(stack);
    await begunAnew;
    await expect(page.getByText("Pybot is answering")).toBeAttached();
    await expectWhole(chat);
  });

  test(`worker: ${fault} in mid-cell`, async ({ page, stack }) => {
    const chat = await running(page);
    await harm(stack);
    await expectRanOnce(chat);
    await expect(chat.cell.first()).toContainText("may be missing");
  });
}

test("worker: all are lost, and one comes", async ({ page, stack }) => {
  const chat = await written(page, "w60");
  for (const worker of stack.workers) await worker.end("SIGKILL");
  await expect(page.getByText("Pybot is answering")).toBeAttached();
  await expect(chat.stop).toBeVisible();
  await stack.startWorker();
  await expectWhole(chat);
});

test("worker: lost, and Stop pressed", async ({ page, stack }) => {
  const chat = await written(page, "w60");
  await stack.holder().end("SIGKILL");
  await chat.stop.click();
  await expect(chat.answer.getByText("Stopped", { exact: true })).toBeVisible();
  await expect(chat.send).toBeVisible();
});
