import { readFileSync } from "node:fs";
import { buildSchema, getOperationAST, parse, validate } from "graphql";
import { expect, test } from "vitest";
import { examples } from "./examples";

const schema = buildSchema(readFileSync("../schema.graphql", "utf8"));

test("the examples are a query, a mutation and a subscription", () => {
  const kinds = examples.map(({ query }) => getOperationAST(parse(query))?.operation);
  expect(kinds).toEqual(["query", "mutation", "subscription"]);
});

test.each(examples)("an example fits the schema: $query", ({ query }) => {
  expect(validate(schema, parse(query))).toEqual([]);
});
