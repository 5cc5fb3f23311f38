import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { Markdown } from "./Markdown";

it("never makes elements of raw HTML, javascript: links or remote images", () => {
  const { container } = render(
    <Markdown text='hi <script>x</script> <b onclick="x">t</b> [bad](javascript:alert(1)) [odd](data:text/html,x) ![chart](https://evil.example/x.png) [ok](https://example.org)' />,
  );
  expect(container.querySelector("script, b, img")).toBeNull();
  expect(container).toHaveTextContent('<b onclick="x">t</b>');
  const links = screen.getAllByRole("link").map((link) => link.getAttribute("href"));
  expect(links).toEqual(["https://evil.example/x.png", "https://example.org"]);
});

it("shows a block of raw HTML as it is written", () => {
  const { container } = render(<Markdown text={"<div>\n<img src=x>\n</div>"} />);
  expect(container.querySelector("img")).toBeNull();
  expect(container).toHaveTextContent("<img src=x>");
});

it("shows entities once", () => {
  const { container } = render(<Markdown text={"a < b & `c < d` \\* &amp;"} />);
  expect(container).toHaveTextContent("a < b & c < d * &");
});

it("shows tables, task lists and nested lists", () => {
  render(<Markdown text={"| a | b |\n|:--|--:|\n| 1 | 2 |\n\n- [x] done\n- open\n  - inner"} />);
  expect(screen.getByRole("columnheader", { name: "a" })).toBeInTheDocument();
  expect(screen.getByRole("cell", { name: "2" })).toHaveAttribute("data-align", "right");
  expect(screen.getByRole("checkbox")).toBeChecked();
  expect(screen.getAllByRole("list")).toHaveLength(2);
});

it("highlights code once the highlighter is loaded", async () => {
  const { container } = render(<Markdown text={"```python\nimport os\n```"} />);
  await expect.poll(() => container.querySelector(".hljs-keyword")?.textContent).toBe("import");
});
