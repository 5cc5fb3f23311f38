import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { outputView } from "../state/views";
import { stream } from "../state/testing";
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
