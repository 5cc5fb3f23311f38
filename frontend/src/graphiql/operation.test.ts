import { expect, test } from "vitest";
import { operationOf } from "./operation";

test("the named operation of several is run", () => {
  expect(operationOf("query A { a } query B { b }", "B")?.operationName).toBe("B");
});

test("a name from another text is ignored", () => {
  expect(operationOf("query A { a }", "B")?.operationName).toBe("A");
  expect(operationOf("{ a }", "B")?.operationName).toBeNull();
});

test("a text that does not parse is left to the server", () => {
  expect(operationOf("query {", "A")).toBeUndefined();
});
