import { type Page } from "@playwright/test";
import { ChatPage, expect } from "./fixtures";

const COUNT = 240;
const WORDS = Array.from({ length: COUNT }, (_, index) => `w${index}`).join(" ");
const WRITING = `[[slow: 60]] [[long: ${COUNT}]]`;
const COUNTING = `[[code: import time
open("ran", "a").write("x")
for i in range(40):
    print(i, flush=True)
    time.sleep(0.1)]] [[code: print(i, open("ran").read())]] [[answer: It ran: {output}]]`;

/** Asks for a long text and waits until some of it is there. */
export async function written(page: Page, word: string): Promise<ChatPage> {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask(WRITING);
  await expect(chat.answer).toContainText(`${word} `);
  return chat;
}

/** Asks for a long cell and waits until it prints. */
export async function running(page: Page): Promise<ChatPage> {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask(COUNTING);
  await expect(chat.cell.first()).toContainText("0\n1\n2");
  return chat;
}

/** The answer is whole, nothing of it is doubled, and a reload shows the same. */
export async function expectWhole(chat: ChatPage): Promise<void> {
  await expect(chat.page.getByText("Answer finished")).toBeAttached({ timeout: 30_000 });
  const expectAnswer = async () => {
    await expect(chat.answer.locator("p")).toHaveText([WORDS]);
    await expect(chat.page.getByRole("article")).toHaveCount(2);
    await expect(chat.page.getByRole("alert")).toHaveCount(0);
  };
  await expectAnswer();
  await chat.page.reload();
  await expectAnswer();
}

/** The cell ran once, to its end, and the answer went on behind it. */
export async function expectRanOnce(chat: ChatPage): Promise<void> {
  await expect(chat.page.getByText("Answer finished")).toBeAttached({ timeout: 30_000 });
  await expect(chat.cell.first().getByText("Done", { exact: true })).toBeVisible();
  await expect(chat.cell).toHaveCount(2);
  await expect(chat.answer).toContainText("It ran: 39 x");
}
