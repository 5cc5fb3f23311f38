// What caches must know of the schema. An application makes it when it is built.

import { readFileSync } from "node:fs";
import { buildSchema, introspectionFromSchema, isAbstractType, isObjectType } from "graphql";

const schema = buildSchema(readFileSync("schema.graphql", "utf8"));
const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith("__"));

/** The types of each interface. */
export const possibleTypes = Object.fromEntries(
  types
    .filter(isAbstractType)
    .map((type) => [type.name, schema.getPossibleTypes(type).map((each) => each.name)]),
);

/** The types whose objects have no ID: they belong to the object that they were read with. */
export const typesWithoutId = types
  .filter(isObjectType)
  .filter((type) => !roots.includes(type) && !("id" in type.getFields()))
  .map((type) => type.name);

export const introspection = introspectionFromSchema(schema, { descriptions: false });
