import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { conversation } from "../../state/testing";
import { RenameForm } from "./RenameForm";

it("takes no more than the server does", async () => {
  const listed = { ...conversation, pinned: false, activeRunId: null };
  render(<RenameForm conversation={listed} onDone={() => undefined} />);
  const field = screen.getByRole("textbox", { name: "New title" });
  await userEvent.clear(field);
  await userEvent.paste("x".repeat(250));
  expect(field).toHaveValue("x".repeat(200));
});
