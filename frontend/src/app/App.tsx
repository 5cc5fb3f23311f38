import { BrowserRouter, Route, Routes } from "react-router";
import { ConversationPage } from "../features/chat/ConversationPage";
import { NewChatPage } from "../features/chat/NewChatPage";
import { ErrorBoundary } from "../shared/ErrorBoundary";
import { strings } from "../shared/strings";
import { NotFound } from "./NotFound";
import { Shell } from "./Shell";

export function App() {
  return (
    <ErrorBoundary message={strings.errors.crashed} action={<ReloadButton />}>
      <BrowserRouter useTransitions={false}>
        <Routes>
          <Route element={<Shell />}>
            <Route index element={<NewChatPage />} />
            <Route path="c/:id" element={<ConversationPage />} />
            <Route path="*" element={<NotFound text={strings.notFound.page} />} />
          </Route>
        </Routes>
      </BrowserRouter>
    </ErrorBoundary>
  );
}

function ReloadButton() {
  return (
    <button type="button" className="button-outline" onClick={() => location.reload()}>
      {strings.errors.reload}
    </button>
  );
}
