import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { followTheme } from "./app/theme";
import { forgetTextsOfOthers, onOtherOwner } from "./state/keptTexts";
import "./styles/index.css";

followTheme();
onOtherOwner(() => location.reload());

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
const page = createRoot(root);
void forgetTextsOfOthers().then(() =>
  page.render(
    <StrictMode>
      <App />
    </StrictMode>,
  ),
);
