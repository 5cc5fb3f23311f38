import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { OutputView } from "../state/types";
import { outputView } from "../state/views";
import { failure, stream } from "../state/testing";
import { OutputItem } from "./OutputItem";

it("shows the start of a long text, or its end while it grows", async () => {
  const output = outputView(stream(`START${"x".repeat(5_000)}END`));
  const { rerender } = render(<OutputItem output={output} running={false} />);
  const box = screen.getByLabelText("Output");
  expect(box).toHaveTextContent(/^START/);
  expect(box).not.toHaveTextContent("END");
  rerender(<OutputItem output={output} running />);
  expect(box).toHaveTextContent(/END$/);
  await userEvent.click(screen.getByRole("button", { name: "Show more (5 kB)" }));
  expect(box).toHaveTextContent(/^START.*END$/);
  expect(box).toHaveAttribute("data-expanded", "true");
});

it.each([
  ["<p>text</p>", "HTML"],
  ["<div><table><tr><td>1</td></tr></table></div>", "Table"],
])("names HTML by what it is: %s", async (html, label) => {
  const part = { mediaType: "text/html", text: html, url: "/outputs/o", byteSize: html.length };
  const output: OutputView = {
    ...failure(0),
    __typename: "DisplayOutput",
    representations: [part],
  };
  render(<OutputItem output={output} running={false} />);
  expect(await screen.findByRole("region", { name: label })).toBeInTheDocument();
});

it("offers no more than a download of what is huge", () => {
  render(<OutputItem output={outputView(stream("x".repeat(1_000_001)))} running={false} />);
  expect(screen.queryByRole("button")).not.toBeInTheDocument();
  expect(screen.getByRole("link", { name: "Download output" })).toHaveAttribute(
    "href",
    "/outputs/o",
  );
});

it("says that an output is broken and leaves the next one alone", () => {
  vi.spyOn(console, "error").mockReturnValue();
  const whole = outputView(stream("fine"));
  // What no server of this version sends.
  const broken = { ...whole, content: undefined } as unknown as typeof whole;
  render(
    <>
      <OutputItem output={broken} running={false} />
      <OutputItem output={whole} running={false} />
    </>,
  );
  expect(screen.getByRole("alert")).toHaveTextContent("This output can't be shown.");
  expect(screen.getByLabelText("Output")).toHaveTextContent("fine");
});
