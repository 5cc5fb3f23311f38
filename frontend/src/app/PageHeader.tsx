import { Menu } from "lucide-react";
import { useEffect, type ReactNode } from "react";
import { strings } from "../shared/strings";
import { AccountMenu } from "./AccountMenu";
import { drawerOpen } from "./drawer";

interface Props {
  /** Also the title of the document. */
  title: string;
  children?: ReactNode;
}

export function PageHeader({ title, children }: Props) {
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <header className="page-header">
      <button
        type="button"
        className="button-icon md:hidden"
        aria-label={strings.sidebar.open}
        onClick={() => drawerOpen.set(true)}
      >
        <Menu aria-hidden className="size-5" />
      </button>
      <p className="min-w-0 flex-1 truncate font-medium" dir="auto">
        {title}
      </p>
      {children}
      <AccountMenu />
    </header>
  );
}
