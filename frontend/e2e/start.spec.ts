import { gzipSync } from "node:zlib";
import { ChatPage, expect, test } from "./fixtures";

test("a new chat has a heading and four examples, and pressing one sends it", async ({ page }) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page).toHaveTitle("Pybot");
  const examples = page.getByRole("list", { name: "Examples" }).getByRole("button");
  await expect(examples).toHaveCount(4);
  await page.getByRole("button", { name: "Plot a sine wave" }).click();
  await expect(chat.question).toHaveText("Plot a sine wave");
  await expect(page).toHaveURL(/\/c\/.+/);
  await expect(chat.cell.getByRole("img").first()).toBeVisible();
  await chat.ended();
  await expect(chat.answer).toContainText("Here is the plot.");
});

test("the first load stays small", async ({ page, baseURL }) => {
  let size = 0;
  page.on("response", (response) => {
    if (!/\.(js|css)$/.test(new URL(response.url()).pathname)) return;
    void response.body().then((body) => (size += gzipSync(body).length));
  });
  await page.goto(baseURL ?? "/");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.waitForLoadState("networkidle");
  expect(size).toBeGreaterThan(50_000);
  expect(size).toBeLessThan(190_000);
});

test("a server that cannot be reached is told, and tried again when it is back", async ({
  page,
  network,
}) => {
  const chat = new ChatPage(page);
  await chat.begin("Hello");
  const address = page.url();
  await page.goto("/");
  await page.route("/graphql", (route) => route.abort());
  await page.goto(address);
  await expect(page.getByRole("main").getByRole("alert")).toContainText("can't be reached");
  await page.unroute("/graphql");
  network.cut();
  await expect(chat.answer).toContainText("You said: Hello");
});

test("without an identity the page says so and does not try for ever", async ({ page }) => {
  let tries = 0;
  await page.routeWebSocket("/graphql", async (socket) => {
    tries += 1;
    await socket.close({ code: 4401, reason: "Unauthorized" });
  });
  await page.goto("/");
  await expect(page.getByText("You are signed out.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Sign in again" })).toBeVisible();
  expect(tries).toBeLessThan(3);
});
