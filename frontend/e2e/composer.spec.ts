import { ChatPage, expect, test } from "./fixtures";

test("the message box has the focus on load and in an opened conversation", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await expect(chat.box).toBeFocused();
  await chat.begin("Hello");
  await expect(chat.box).toBeFocused();
  await page.reload();
  await expect(chat.box).toBeFocused();
});

test("Enter sends and Shift+Enter starts a new line", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.box.pressSequentially("one");
  await chat.box.press("Shift+Enter");
  await chat.box.pressSequentially("two");
  await expect(chat.box).toHaveValue("one\ntwo");
  await chat.box.press("Enter");
  await expect(chat.question).toHaveText("one\ntwo");
});

test("Enter while a word is composed does not send", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.box.fill("に");
  await chat.box.dispatchEvent("keydown", { key: "Enter", isComposing: true, bubbles: true });
  await expect(chat.box).toHaveValue("に");
  await expect(chat.question).toHaveCount(0);
});

test("on a touch screen Enter starts a new line and the keyboard stays closed", async ({
  browser,
  baseURL,
}) => {
  const context = await browser.newContext({
    ...(baseURL === undefined ? {} : { baseURL }),
    hasTouch: true,
    isMobile: true,
    viewport: { width: 390, height: 844 },
  });
  const page = await context.newPage();
  const chat = new ChatPage(page);
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(chat.box).not.toBeFocused();
  await chat.box.pressSequentially("one");
  await chat.box.press("Enter");
  await expect(chat.box).toHaveValue("one\n");
  await context.close();
});

test("the box grows up to a limit and then scrolls", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  const height = () => chat.box.evaluate((box) => box.clientHeight);
  const low = await height();
  await chat.box.fill("1\n2\n3\n4");
  const middle = await height();
  expect(middle).toBeGreaterThan(low + 40);
  await chat.box.fill("line\n".repeat(60));
  expect(await height()).toBeLessThan(240);
  expect(await chat.box.evaluate((box) => box.scrollHeight > box.clientHeight)).toBe(true);
});

test("Send is disabled for nothing and for white space", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await expect(chat.send).toBeDisabled();
  await chat.box.fill("  \n ");
  await expect(chat.send).toBeDisabled();
  await chat.box.press("Enter");
  await expect(chat.question).toHaveCount(0);
  await chat.box.fill("x");
  await expect(chat.send).toBeEnabled();
});

test("the box takes text while an answer is written, and keeps it", async ({ page, stack }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask("[[long: 40]] [[hold: 20]]");
  await expect(chat.stop).toBeVisible();
  await expect(chat.box).toBeEnabled();
  await chat.box.fill("meanwhile");
  await chat.box.press("Enter");
  await expect(page.getByText("Pybot is still answering.")).toBeVisible();
  await chat.release(stack);
  await expect(chat.box).toHaveValue("meanwhile");
  await chat.box.press("Enter");
  await expect(chat.question).toHaveText("meanwhile");
});

test("what is typed while a conversation is created goes with it", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await page.route("/graphql", async (route) => {
    await chat.box.fill("and then");
    await route.continue();
  });
  await chat.ask("First");
  await expect(page).toHaveURL(/\/c\/.+/);
  await expect(chat.box).toHaveValue("and then");
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.goto("/");
  await expect(chat.box).toHaveValue("");
});

test("what is typed just as the created conversation opens goes with it", async ({ page }) => {
  await page.addInitScript(() => {
    const push = history.pushState.bind(history);
    history.pushState = (...to) => {
      push(...to);
      queueMicrotask(() => {
        const box = document.querySelector("textarea");
        box?.setRangeText("and then");
        box?.dispatchEvent(new Event("input", { bubbles: true }));
      });
    };
  });
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask("First");
  await expect(page).toHaveURL(/\/c\/.+/);
  await expect(chat.box).toHaveValue("and then");
});

test("each conversation has a draft that survives a reload and goes when it is sent", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await chat.begin("Hello");
  await chat.box.fill("for this one");
  await chat.newChat.click();
  await expect(chat.box).toHaveValue("");
  await chat.box.fill("for a new one");
  await page.goBack();
  await expect(chat.box).toHaveValue("for this one");
  await page.reload();
  await expect(chat.box).toHaveValue("for this one");
  await chat.box.press("Enter");
  await expect(chat.question).toHaveText("for this one");
  await chat.ended();
  await page.reload();
  await expect(chat.question).toHaveText("for this one");
  await expect(chat.box).toHaveValue("");
  await page.goto("/");
  await expect(chat.box).toHaveValue("for a new one");
});

test("a message that the server refuses comes back into the box with the reason", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  const tooLong = "a".repeat(200_000);
  await chat.box.fill(tooLong);
  await chat.box.press("Enter");
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(chat.box).toHaveValue(tooLong);
  await expect(chat.question).toHaveCount(0);
});
