import { ChatPage, expect, test } from "./fixtures";

test("what the user wrote is shown literally", async ({ page }) => {
  const chat = new ChatPage(page);
  const text = "**bold** <b>tag</b>\n  two spaces [link](https://example.org)";
  await chat.begin(text);
  await expect(chat.question).toHaveText(text, { useInnerText: true });
  await expect(chat.question.locator("strong, b, a")).toHaveCount(0);
});

test("raw HTML, javascript: links and remote images never become elements", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin(
    "[[answer: <script>window.hurt = 1</script> <img src=x onerror=alert(1)> <b onclick=x>raw</b>\\n\\n" +
      "[bad](javascript:alert(1)) ![chart](https://evil.example/x.png) [good](https://example.org/page)]]",
  );
  await expect(chat.answer.locator("script, img, b")).toHaveCount(0);
  await expect(chat.answer).toContainText("<b onclick=x>raw</b>");
  await expect(chat.answer.getByRole("link")).toHaveText(["chart", "good"]);
  await expect(chat.answer.getByText("bad")).not.toHaveAttribute("href");
  expect(await page.evaluate(() => "hurt" in window)).toBe(false);
});

test("links open a new tab without an opener and show where they lead", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin("[[answer: See [the page](https://example.org/page).]]");
  const link = chat.answer.getByRole("link", { name: "the page" });
  await expect(link).toHaveAttribute("target", "_blank");
  await expect(link).toHaveAttribute("rel", /noopener/);
  await expect(link).toHaveAttribute("title", "https://example.org/page");
});

test("headings, lists, tables and code are formatted", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin(
    "[[answer: # Title\\n\\n- one\\n- two\\n\\n| a | b |\\n|---|--:|\\n| x | 12 |\\n\\nThe `end`.]]",
  );
  const { answer } = chat;
  await expect(answer.getByRole("heading", { name: "Title", level: 2 })).toBeVisible();
  await expect(answer.getByRole("listitem")).toHaveText(["one", "two"]);
  await expect(answer.getByRole("cell", { name: "12" })).toBeVisible();
  await expect(answer.locator("code")).toHaveText("end");
});
