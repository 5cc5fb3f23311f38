import type { Page } from "@playwright/test";
import { expect, test } from "./fixtures";

/** GraphiQL in one window. */
class Explorer {
  readonly operation;
  readonly response;

  constructor(readonly page: Page) {
    this.operation = page.getByRole("region", { name: "Operation Editor" });
    this.response = page.getByRole("region", { name: "Result Window" });
  }

  async open(tab: string): Promise<void> {
    await this.page.goto("/graphiql");
    // The tabs are there before the editors, and change nothing until then.
    await expect(this.operation).toContainText("# ");
    await this.page.getByRole("tab", { name: tab }).click();
    await expect(this.operation).toContainText(tab);
  }

  async run(): Promise<void> {
    await this.page.getByRole("button", { name: /^Execute query/ }).click();
  }
}

test("GraphiQL runs its examples: a query, a mutation, and a subscription that sees it", async ({
  page,
  context,
}) => {
  const following = new Explorer(page);
  await following.open("Follow");
  await following.run();
  await expect(page.getByRole("button", { name: /^Stop query/ })).toBeVisible();

  const asking = new Explorer(await context.newPage());
  await asking.open("Ask");
  await asking.run();
  await expect(asking.response).toContainText('"eventCursor"');
  await expect(asking.response).toContainText('"errors": []');
  await expect(following.response).toContainText('"__typename"');

  const listing = new Explorer(await context.newPage());
  await listing.open("Conversations");
  await listing.run();
  await expect(listing.response).toContainText('"displayName"');
  await expect(listing.response).toContainText('"updatedAt"');
});

test("GraphiQL has the same tabs after a reload", async ({ page }) => {
  const explorer = new Explorer(page);
  await explorer.open("Ask");
  await explorer.run();
  await expect(explorer.response).toContainText('"eventCursor"');
  await page.reload();
  await expect(explorer.operation).toContainText("mutation");
  await expect(page.getByRole("tab")).toHaveCount(3);
  await expect(page.getByRole("tab")).toContainText(["Conversations", "Ask", "Follow"]);
});

test("GraphiQL knows the schema", async ({ page }) => {
  await page.goto("/graphiql");
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await expect(page.getByRole("link", { name: "Subscription", exact: true })).toBeVisible();
});

test("GraphiQL has the app's theme", async ({ page }) => {
  await page.goto("/");
  await page.evaluate(() => localStorage.setItem("theme", "dark"));
  await page.goto("/graphiql");
  await expect(page.locator("body")).toHaveClass(/graphiql-dark/);
});
