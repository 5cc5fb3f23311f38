// Writes the types and documents that GraphQL Code Generator makes, without its command line,
// whose loaders are two hundred packages more.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { codegen } from "@graphql-codegen/core";
import * as documents from "@graphql-codegen/typed-document-node";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";

const written = await codegen({
  filename: "generated/documents.ts",
  schema: parse(readFileSync("schema.graphql", "utf8")),
  documents: [{ document: parse(readFileSync("documents.graphql", "utf8")) }],
  config: {
    scalars: { ID: "string", DateTime: "string", JSON: "unknown", URL: "string" },
    strictScalars: true,
    useTypeImports: true,
  },
  pluginMap: { documents, operations },
  plugins: [{ operations: {} }, { documents: {} }],
});
mkdirSync("generated/relay", { recursive: true });
writeFileSync("generated/documents.ts", written);
