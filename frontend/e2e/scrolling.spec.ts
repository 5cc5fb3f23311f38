import { ChatPage, expect, fromEnd, test } from "./fixtures";

test.use({ viewport: { width: 1000, height: 600 } });

/** Long enough to scroll, slow enough to watch: a line is a paragraph of its own. */
const LINES = Array.from({ length: 120 }, (_, index) => `Line ${index}\\n\\n`).join("");
const LONG = `[[answer: ${LINES}]] [[slow: 40]]`;

test("the view follows the end until a person scrolls up, and again after Jump to latest", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask(LONG);
  const jump = page.getByRole("button", { name: "Jump to latest" });
  await expect(chat.answer).toContainText("Line 20");
  expect(await chat.log.evaluate(fromEnd)).toBeLessThan(30);
  await expect(jump).toHaveCount(0);

  await chat.log.hover();
  await page.mouse.wheel(0, -300);
  await expect(jump).toBeVisible();
  const before = await settledTop(chat);
  await expect(chat.answer).toContainText("Line 40");
  expect(Math.abs((await settledTop(chat)) - before)).toBeLessThanOrEqual(4);

  await jump.click();
  await expect(jump).toHaveCount(0);
  await expect(chat.answer).toContainText("Line 60");
  expect(await chat.log.evaluate(fromEnd)).toBeLessThan(30);

  await chat.log.focus();
  await page.keyboard.press("PageUp");
  await expect(jump).toBeVisible();
  await chat.ended();
  await page.keyboard.press("End");
  await expect(jump).toHaveCount(0);
});

test("sending always scrolls to the end", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin(`[[answer: ${LINES}]]`);
  await chat.log.evaluate((log) => (log.scrollTop = 0));
  await expect(page.getByRole("button", { name: "Jump to latest" })).toBeVisible();
  await chat.ask("The end");
  await expect(chat.question).toBeInViewport();
  await expect.poll(() => chat.log.evaluate(fromEnd)).toBeLessThan(30);
});

test("content that shrinks does not let go of the end", async ({ page }) => {
  const chat = new ChatPage(page);
  const code = Array.from({ length: 3 }, (_, index) => `x${index} = ${index}`).join("\\n");
  await chat.begin(`[[answer: ${LINES}]]`);
  await chat.ask(`[[code: ${code}\\nprint("end")]]`);
  await chat.ended();
  await chat.cell.getByRole("button", { name: "Show or hide the code" }).click();
  await expect(chat.cell.getByRole("textbox", { name: "Code" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Jump to latest" })).toHaveCount(0);
  await expect.poll(() => chat.log.evaluate(fromEnd)).toBeLessThan(30);
});

test("an opened conversation is at its end, and earlier messages load above without a jump", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await chat.begin("Question 0");
  for (let index = 1; index < 30; index += 1) {
    await chat.ask(`Question ${index}`);
    await expect(chat.answer).toContainText(`You said: Question ${index}`);
    await expect(chat.send).toBeVisible();
  }
  await page.reload();
  await expect(chat.question).toHaveText("Question 29");
  await expect.poll(() => chat.log.evaluate(fromEnd)).toBeLessThan(30);
  await expect(page.getByRole("article")).toHaveCount(50);

  const first = page.getByRole("article", { name: "You" }).filter({ hasText: /^Question 5$/ });
  await chat.log.evaluate((log) => (log.scrollTop = 10));
  const before = await first.evaluate((it) => it.getBoundingClientRect().top);
  await page.getByRole("button", { name: "Load earlier messages" }).click();
  await expect(page.getByRole("article")).toHaveCount(60);
  const after = await first.evaluate((it) => it.getBoundingClientRect().top);
  // The button itself goes away above it.
  expect(Math.abs(after - before)).toBeLessThanOrEqual(4);
  await expect(page.getByRole("button", { name: "Load earlier messages" })).toHaveCount(0);
  await expect(page.getByRole("article").first()).toHaveText("Question 0");
});

/** Where the log is once it has been the same for a few frames. */
async function settledTop({ log }: ChatPage): Promise<number> {
  return log.evaluate(async (box) => {
    let same = 0;
    let top = box.scrollTop;
    while (same < 5) {
      await new Promise(requestAnimationFrame);
      same = box.scrollTop === top ? same + 1 : 0;
      top = box.scrollTop;
    }
    return top;
  });
}
