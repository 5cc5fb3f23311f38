import { ChatPage, expect, test } from "./fixtures";

/** A question that makes the model run this code. */
function code(source: string): string {
  return `[[code: ${source}]]`;
}

test("a cell shows its state, In[n], its duration and its output while it runs", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await page.goto("/");
  await chat.ask(
    code(`import os, time
print("first", flush=True)
while not os.path.exists("go"): time.sleep(0.05)
print("second")`),
  );
  await expect(chat.cell.getByText("Running", { exact: true })).toBeVisible();
  await expect(chat.cell.getByText("first", { exact: true })).toBeVisible();
  await expect(chat.cell.getByText("In [1]")).toBeVisible();
  await expect(chat.cell.locator(".hljs-keyword").first()).toHaveText("import");
  await page.getByRole("button", { name: "Kernel: Busy" }).click();
  await page.getByRole("menuitem", { name: "Interrupt" }).click();
  await expect(chat.cell.getByText("Interrupted", { exact: true })).toBeVisible();
  await expect(chat.cell.getByText(/^\d+\.\d s$/)).toBeVisible();
});

test("Done and Failed are told apart", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin(code("1 / 1"));
  await expect(chat.cell.getByText("Done", { exact: true })).toBeVisible();
  await chat.ask(code("1 / 0"));
  await expect(chat.cell.getByText("Failed", { exact: true })).toBeVisible();
});

test("a progress bar overwrites its line", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin(
    code(`import sys
for i in range(0, 101, 10):
    sys.stdout.write(f"\\r{i:3d}% done"); sys.stdout.flush()
print()`),
  );
  await expect(chat.cell.getByLabel("Output", { exact: true })).toHaveText("100% done");
});

test("long output is cut with Show more, longer output has a download too", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin(code(`print("x" * 9_000 + "THE END")`));
  const output = chat.cell.getByLabel("Output", { exact: true });
  await expect(output).not.toContainText("THE END");
  const height = () => chat.cell.getByLabel("Output").evaluate((box) => box.clientHeight);
  const low = await height();
  await chat.cell.getByRole("button", { name: "Show more (9 kB)" }).click();
  expect(await height()).toBeGreaterThan(low + 100);
  await expect(output).toContainText("THE END");
  await chat.cell.getByRole("button", { name: "Show less" }).click();
  await expect(output).not.toContainText("THE END");

  await chat.ask(code(`print("y" * 3_000_000)`));
  const link = chat.cell.getByRole("link", { name: "Download output" });
  await expect(link).toBeVisible();
  const download = page.waitForEvent("download");
  await link.click();
  expect(await (await download).failure()).toBeNull();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`a traceback is coloured and readable in the ${colorScheme} theme`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    const chat = new ChatPage(page);
    await chat.begin(
      code(`def broken(value):\n    return 1 / value\nbroken(0) # ${"long ".repeat(60)}`),
    );
    const traceback = chat.cell.getByLabel("Traceback");
    await expect(traceback).toContainText("ZeroDivisionError");
    const worst = await traceback.evaluate((box) => {
      const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
      const luminance = (colour: string) => {
        if (!context) throw new Error("no canvas");
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        const [red = 0, green = 0, blue = 0] = Array.from(
          context.getImageData(0, 0, 1, 1).data,
          (value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
          },
        );
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const ground = luminance(getComputedStyle(box).backgroundColor);
      const colours = Array.from(box.querySelectorAll("span"), (it) => getComputedStyle(it).color);
      return {
        kinds: new Set(colours).size,
        contrast: Math.min(
          ...colours.map(luminance).map((it) => {
            const [low = 0, high = 0] = [it, ground].sort((a, b) => a - b);
            return (high + 0.05) / (low + 0.05);
          }),
        ),
      };
    });
    expect(worst.kinds).toBeGreaterThan(2);
    expect(worst.contrast).toBeGreaterThanOrEqual(4.5);
    // Long lines scroll inside their box; the page does not.
    expect(await traceback.evaluate((it) => it.scrollWidth > it.clientWidth)).toBe(true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(
      true,
    );
  });
}

test("a plot is an image with a text alternative, a download and a larger view", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await chat.begin("Plot something");
  const image = chat.cell.getByRole("img").first();
  await expect(image).toHaveAttribute("alt", /.+/);
  await expect
    .poll(() => image.evaluate((it) => (it as HTMLImageElement).naturalWidth))
    .toBeGreaterThan(100);
  const download = page.waitForEvent("download");
  await chat.cell.getByRole("link", { name: "Download image" }).click();
  expect((await download).suggestedFilename()).toMatch(/\.png$/);
  await chat.cell.getByRole("button", { name: /Enlarge image/ }).click();
  const lightbox = page.getByRole("dialog", { name: "Image" });
  await expect(lightbox.getByRole("img")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(lightbox).toHaveCount(0);
});

test("SVG is an image, and nothing in it runs", async ({ page }) => {
  const chat = new ChatPage(page);
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><script>parent.hurt=1</script><rect width="120" height="40"/></svg>';
  await chat.begin(code(`from IPython.display import SVG, display\ndisplay(SVG('${svg}'))`));
  const image = chat.cell.getByRole("img").first();
  await expect.poll(() => image.evaluate((it) => (it as HTMLImageElement).naturalWidth)).toBe(120);
  await expect(chat.cell.locator(".image-output > button svg")).toHaveCount(0);
});

test("a data frame is a table; styles, scripts and handlers are taken out of HTML", async ({
  page,
}) => {
  const chat = new ChatPage(page);
  await chat.begin(code("import pandas as pd\npd.DataFrame({'name': ['Ada'], 'year': [1815]})"));
  await expect(chat.cell.getByRole("cell", { name: "1815" })).toBeVisible();
  await expect(chat.cell.locator(".html-output :is([style], style)")).toHaveCount(0);

  const html =
    '<script>window.hurt=1</script><p onclick="x()" style="color:red">kept</p><iframe src="/"></iframe>' +
    '<img src="https://evil.example/x.png"><a href="https://example.org">link</a><form><input></form>';
  await chat.ask(code(`from IPython.display import HTML\nHTML('''${html}''')`));
  await expect(chat.cell.getByRole("region", { name: "HTML" }).getByText("kept")).toBeVisible();
  await expect(
    chat.cell.locator(".html-output :is(script, iframe, form, input, img, [onclick])"),
  ).toHaveCount(0);
  await expect(chat.cell.getByRole("link", { name: "link" })).toHaveAttribute("rel", /noopener/);
  await expect(
    chat.cell.getByText("Interactive parts of this output are not shown."),
  ).toBeVisible();
  expect(await page.evaluate(() => "hurt" in window)).toBe(false);
});

test("an output of a kind that the page does not know is named", async ({ page }) => {
  const chat = new ChatPage(page);
  await chat.begin(
    code("from IPython.display import display\ndisplay({'application/x-strange': 'x'}, raw=True)"),
  );
  await expect(chat.cell.getByText("An output of type application/x-strange")).toBeVisible();
});
