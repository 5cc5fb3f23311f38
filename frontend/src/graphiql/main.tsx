import "graphiql/setup-workers/vite";
import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createClient } from "graphql-ws";
import { createRoot } from "react-dom/client";
import { chosenTheme } from "../app/theme";
import { examples } from "./examples";
import { operationOf } from "./operation";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./page.css";

const root = document.getElementById("graphiql");
if (!root) throw new Error("graphiql.html has no element for the page");

const wsClient = createClient({
  url: () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
});
const send = createGraphiQLFetcher({ url: "/graphql", wsClient });
const fetcher: Fetcher = (params, options) => {
  const operation = operationOf(params.query, params.operationName);
  if (!operation) return send(params, options);
  const { documentAST, operationName } = operation;
  return send({ ...params, operationName }, { ...options, documentAST });
};
const theme = chosenTheme();

createRoot(root).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={examples}
    defaultTheme={theme === "system" ? null : theme}
    defaultEditorToolsVisibility="variables"
  >
    <GraphiQL.Logo>
      <a href="/">Pybot</a>
    </GraphiQL.Logo>
  </GraphiQL>,
);
