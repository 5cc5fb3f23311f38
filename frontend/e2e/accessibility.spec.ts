import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { ChatPage, expect, test } from "./fixtures";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

async function scan(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

const SOURCE = `import pandas as pd, matplotlib.pyplot as plt
print("text")
plt.plot([1, 2]); plt.show()
display(pd.DataFrame({"a": [1]}))
1 / 0`;

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in the ${colorScheme} theme: empty, streaming, finished, failed`, async ({
    page,
    stack,
  }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const chat = new ChatPage(page);
    await page.goto("/");
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    expect(await scan(page)).toEqual([]);

    await chat.ask(
      `[[code: ${SOURCE}]] [[answer: # Done\\n\\nAll \`good\` [here](https://example.org).]] [[hold: 4]]`,
    );
    await expect(chat.answer).toContainText("Running");
    expect(await scan(page)).toEqual([]);

    await chat.release(stack);
    await expect(chat.answer.getByRole("heading", { name: "Done" })).toBeVisible();
    expect(await scan(page)).toEqual([]);

    await chat.ask("[[error: 3]]");
    await expect(chat.answer.getByRole("alert")).toBeVisible();
    expect(await scan(page)).toEqual([]);

    await page.getByRole("button", { name: /Kernel/ }).click();
    await expect(page.getByRole("menuitem", { name: /Restart kernel/ })).toBeVisible();
    expect(await scan(page)).toEqual([]);
    await page.getByRole("menuitem", { name: /Restart kernel/ }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    expect(await scan(page)).toEqual([]);
    await page.getByRole("button", { name: "Restart kernel" }).press("Enter");
    await expect(page.getByRole("button", { name: /^Kernel/ })).toBeFocused();
  });
}

test("the skip link leads past the list, and everything is reached by the keyboard alone", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await chat.begin("[[code: print(1)]] [[answer: Done.]]");
  await page.reload();
  await expect(chat.answer).toContainText("Done.");
  // The keyboard begins at the top of the page.
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
  });
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the conversation" });
  await expect(skip).toBeFocused();
  await page.keyboard.press("Enter");
  const wanted = ["Account", "Messages", "Show or hide the code", "Copy code", "Code", "Output"];
  wanted.push("Copy message", "Message");
  const reached = new Set<string>();
  for (let press = 0; press < 20; press += 1) {
    await page.keyboard.press("Tab");
    const label = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    if (label) reached.add(label);
    const outlined = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body || element.matches("textarea")) return true;
      return getComputedStyle(element).outlineStyle !== "none";
    });
    expect(outlined, `the focus on ${label ?? "?"} can be seen`).toBe(true);
  }
  expect([...reached]).toEqual(expect.arrayContaining(wanted));
});

test("the log is not read out as it grows, and errors are alerts", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin("[[error: 2]]");
  await expect(chat.log).toHaveAttribute("aria-live", "off");
  await expect(page.getByRole("status").filter({ hasText: "Answer finished" })).toBeAttached();
  await expect(chat.answer.getByRole("alert")).toBeVisible();
});

test("the theme is there before the first paint, follows the system, and can be chosen", async ({
  page,
}) => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  await page.emulateMedia({ colorScheme: "dark" });
  // Without the app's own script only what is there before the first paint can set the theme.
  await page.route("**/assets/*.js", (route) => route.abort());
  await page.goto("/");
  expect(await theme()).toBe("dark");
  await page.unroute("**/assets/*.js");
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.emulateMedia({ colorScheme: "light" });
  await expect.poll(theme).toBe("light");
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitemradio", { name: "Dark" }).click();
  await expect.poll(theme).toBe("dark");
  await page.reload();
  expect(await theme()).toBe("dark");
});

test("nothing moves where less motion is wanted", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask("[[long: 40]] [[slow: 20]]");
  await expect(chat.stop).toBeVisible();
  const moving = await page.evaluate(() => document.getAnimations().length);
  expect(moving).toBe(0);
});

test("the page does not scroll sideways at 320 pixels", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  const chat = new ChatPage(page);
  const wide = "x".repeat(300);
  await chat.begin(
    `[[code: print("${wide}")\nimport pandas as pd\ndisplay(pd.DataFrame([range(30)]))]]`,
  );
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  expect(await chat.log.evaluate((log) => log.scrollWidth - log.clientWidth)).toBeLessThanOrEqual(
    0,
  );
});
