import { useEffect } from "react";
import { Outlet } from "react-router";
import { Drawer } from "../features/sidebar/Drawer";
import { Sidebar } from "../features/sidebar/Sidebar";
import { strings } from "../shared/strings";
import { useMediaQuery } from "../shared/useMediaQuery";
import { listStore } from "../state/listStore";
import { ConnectionBanner } from "./ConnectionBanner";
import { Toasts } from "./Toasts";

/** What surrounds every page. */
export function Shell() {
  const wide = useMediaQuery("(min-width: 48rem)");
  // Also where the list is not in sight: it says who is signed in.
  useEffect(() => listStore.use(), []);
  return (
    <div className="flex h-dvh">
      <a href="#main" className="skip-link">
        {strings.skipLink}
      </a>
      {wide ? (
        <div className="w-72 shrink-0 border-e border-line">
          <Sidebar />
        </div>
      ) : (
        <Drawer>
          <Sidebar />
        </Drawer>
      )}
      <main id="main" tabIndex={-1} className="flex min-w-0 flex-1 flex-col">
        <ConnectionBanner />
        <Outlet />
      </main>
      <Toasts />
    </div>
  );
}
