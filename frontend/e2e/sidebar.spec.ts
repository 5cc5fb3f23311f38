import { randomUUID } from "node:crypto";
import type { APIRequestContext } from "@playwright/test";
import { ChatPage, expect, test } from "./fixtures";

async function createConversation(request: APIRequestContext, title: string): Promise<string> {
  const query =
    "mutation ($input: CreateConversationInput!) { createConversation(input: $input) { conversation { id } } }";
  const response = await request.post("/graphql", {
    data: { query, variables: { input: { title } } },
  });
  const body = (await response.json()) as {
    data: { createConversation: { conversation: { id: string } } };
  };
  return body.data.createConversation.conversation.id;
}

test("a conversation is renamed in place: Enter saves, Esc does not", async ({ page }) => {
  const title = `Rename ${randomUUID()}`;
  const id = await createConversation(page.request, title);
  await page.goto(`/c/${encodeURIComponent(id)}`);
  await expect(page).toHaveTitle(title);
  const list = page.getByRole("navigation", { name: "Conversations" });
  await list.getByRole("link", { name: title }).hover();
  await list.getByRole("button", { name: `Options for ${title}` }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  const field = list.getByRole("textbox", { name: "New title" });
  await expect(field).toBeFocused();
  await field.fill("Forgotten");
  await field.press("Escape");
  await expect(list.getByRole("link", { name: title })).toBeFocused();

  await list.getByRole("button", { name: `Options for ${title}` }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await field.fill(`${title} again`);
  await field.press("Enter");
  await expect(list.getByRole("link", { name: `${title} again` })).toBeFocused();
  await expect(page).toHaveTitle(`${title} again`);
});

test("deleting asks first; deleting the open conversation leads to a new chat, in every tab", async ({
  page,
  context,
}) => {
  const title = `Delete ${randomUUID()}`;
  const id = await createConversation(page.request, title);
  await page.goto(`/c/${encodeURIComponent(id)}`);
  const other = await context.newPage();
  await other.goto(`/c/${encodeURIComponent(id)}`);
  await expect(other).toHaveTitle(title);
  await page.bringToFront(); // behind the other tab it is drawn once a second
  const list = page.getByRole("navigation", { name: "Conversations" });
  const options = list.getByRole("button", { name: `Options for ${title}` });
  const dialog = page.getByRole("dialog", { name: "Delete this conversation?" });

  await options.click();
  await page.getByRole("menuitem", { name: /Delete/ }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(list.getByRole("link", { name: title })).toBeVisible();
  await expect(options).toBeFocused();

  await options.click();
  await page.getByRole("menuitem", { name: /Delete/ }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  for (const tab of [page, other]) {
    await expect(tab.getByRole("heading", { name: "What shall we compute?" })).toBeVisible();
    await expect(tab).toHaveURL(/\/$/);
    await expect(tab.getByRole("link", { name: title })).toHaveCount(0);
  }
});

test("the focus goes back to the menu after Esc, and to the next row after a deletion", async ({
  page,
}) => {
  const title = `Focus ${randomUUID()}`;
  await createConversation(page.request, `${title} 1`);
  await createConversation(page.request, `${title} 2`);
  await page.goto("/");
  const list = page.getByRole("navigation", { name: "Conversations" });
  const options = list.getByRole("button", { name: `Options for ${title} 2` });
  const dialog = page.getByRole("dialog", { name: "Delete this conversation?" });
  for (const answer of ["Escape", "Enter"]) {
    await options.press("Enter");
    await page.getByRole("menuitem", { name: /Delete/ }).press("Enter");
    await expect(dialog).toBeVisible();
    if (answer === "Escape") {
      await page.keyboard.press("Escape");
      await expect(options).toBeFocused();
    } else {
      await dialog.getByRole("button", { name: "Delete" }).press("Enter");
    }
  }
  await expect(list.getByRole("link", { name: `${title} 2` })).toHaveCount(0);
  await expect(list.getByRole("link", { name: `${title} 1` })).toBeFocused();
});

test("the list is live: a conversation of another tab appears first, with a dot while it answers", async ({
  page,
  context,
}) => {
  await page.goto("/");
  const other = new ChatPage(await context.newPage());
  await other.page.goto("/");
  await other.ask("[[long: 60]] [[slow: 20]] [[title: From elsewhere]]");
  const rows = page.getByRole("navigation", { name: "Conversations" }).getByRole("listitem");
  await expect(rows.first().getByRole("img", { name: "Generating" })).toBeVisible();
  await expect(rows.first()).toContainText("From elsewhere");
  await expect(rows.first().getByRole("img", { name: "Generating" })).toHaveCount(0);
});

test("the list loads further pages as it is scrolled", async ({ page }) => {
  const mark = randomUUID();
  for (let index = 0; index < 40; index += 1) {
    await createConversation(page.request, `${mark} ${index}`);
  }
  await page.goto("/");
  const list = page.getByRole("navigation", { name: "Conversations" });
  await expect(list.getByRole("link", { name: `${mark} 39` })).toBeVisible();
  await expect(list.getByRole("link", { name: `${mark} 0`, exact: true })).toHaveCount(0);
  await list.getByRole("link", { name: `${mark} 12` }).hover();
  await page.mouse.wheel(0, 5_000);
  await expect(list.getByRole("link", { name: `${mark} 0`, exact: true })).toBeAttached();
});

test("a deep link opens the conversation, also after a reload", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin("Deep");
  const address = page.url();
  await page.goto("/");
  await page.goto(address);
  await expect(chat.answer).toContainText("You said: Deep");
  await page.reload();
  await expect(chat.answer).toContainText("You said: Deep");
});

test("an unknown conversation and an unknown page lead on to a new chat", async ({ page }) => {
  for (const path of ["/c/bm90aGluZw", "/nowhere"]) {
    await page.goto(path);
    await expect(page.getByRole("heading", { name: "There is nothing here" })).toBeVisible();
    await page.getByRole("main").getByRole("link", { name: "New chat" }).click();
    await expect(page.getByRole("heading", { name: "What shall we compute?" })).toBeVisible();
  }
});

test.describe("on a narrow screen", () => {
  test.use({ viewport: { width: 390, height: 844 } });

  test("the account's menu knows who is signed in while the list is not in sight", async ({
    page,
  }) => {
    await page.goto("/");
    await page.getByRole("button", { name: "Account" }).click();
    await expect(page.getByText("local", { exact: true })).toBeVisible();
  });

  test("the list is a drawer that keeps the focus and closes with Esc, beside it, and on going", async ({
    page,
  }) => {
    const title = `Drawer ${randomUUID()}`;
    await createConversation(page.request, title);
    await page.goto("/");
    const open = page.getByRole("button", { name: "Open conversations" });
    const drawer = page.getByRole("dialog", { name: "Conversations" });
    await expect(drawer).toHaveCount(0);
    await open.click();
    await expect(drawer).toBeVisible();
    for (let press = 0; press < 8; press += 1) await page.keyboard.press("Tab");
    expect(
      await page.evaluate(() => {
        const { activeElement } = document;
        return activeElement === document.body || activeElement?.closest("dialog") !== null;
      }),
    ).toBe(true);
    await page.keyboard.press("Escape");
    await expect(drawer).toHaveCount(0);
    await open.click();
    await page.mouse.click(380, 400);
    await expect(drawer).toHaveCount(0);
    await open.click();
    await drawer.getByRole("link", { name: title }).click();
    await expect(page).toHaveTitle(title);
    await expect(drawer).toHaveCount(0);
    await open.click();
    await drawer.getByRole("button", { name: `Options for ${title}` }).click();
    await expect(page.getByRole("menuitem", { name: "Rename" })).toBeVisible();
  });
});
