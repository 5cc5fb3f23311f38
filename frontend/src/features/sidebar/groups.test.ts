import { expect, it } from "vitest";
import { grouped } from "./groups";

const now = new Date(2026, 10, 25, 15, 0);
const at = (day: number, hour: number) => {
  const instant = new Date(2026, 10, day, hour).toISOString();
  const id = `${day}.${hour}`;
  const dates = { createdAt: instant, updatedAt: instant };
  return { id, title: id, ...dates, pinned: false, activeRunId: null };
};

it("groups by the person's own days and leaves empty groups out", () => {
  const list = [at(25, 14), at(25, 0), at(24, 23), at(18, 1), at(17, 23)];
  const groups = grouped(list, now).map(({ group, conversations }) => [
    group,
    conversations.map(({ id }) => id),
  ]);
  expect(groups).toEqual([
    ["today", ["25.14", "25.0"]],
    ["yesterday", ["24.23"]],
    ["week", ["18.1"]],
    ["older", ["17.23"]],
  ]);
  const pinned = { ...at(17, 23), pinned: true };
  expect(grouped([pinned, at(25, 14)], now).map(({ group }) => group)).toEqual(["pinned", "today"]);
  expect(grouped([], now)).toEqual([]);
});
