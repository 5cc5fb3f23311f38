import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { account } from "../state/account";
import { AccountMenu } from "./AccountMenu";

async function open() {
  render(<AccountMenu />);
  await userEvent.click(screen.getByRole("button", { name: "Account" }));
}

it("says who is signed in, and leads to where one signs out", async () => {
  account.set({ name: "Ann", email: "ann@example.com", signOutUrl: "/oauth2/sign_out?rd=%2F" });
  await open();
  expect(screen.getByText("Ann")).toBeVisible();
  expect(screen.getByText("ann@example.com")).toBeVisible();
  const out = screen.getByRole("menuitem", { name: "Sign out" });
  expect(out).toHaveAttribute("href", "/oauth2/sign_out?rd=%2F");
});

it("offers no way out where there is none", async () => {
  account.set({ name: "Ann", email: null, signOutUrl: null });
  await open();
  expect(screen.getByText("Ann")).toBeVisible();
  expect(screen.queryByRole("menuitem", { name: "Sign out" })).toBeNull();
});

it("offers the themes before the server has answered", async () => {
  account.set(null);
  await open();
  expect(screen.getByRole("menuitemradio", { name: "Dark" })).toBeVisible();
});
