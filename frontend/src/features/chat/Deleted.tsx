import { useEffect } from "react";
import { Navigate } from "react-router";
import { strings } from "../../shared/strings";
import { toast } from "../../shared/toasts";

/** The open conversation was deleted, here or in another tab: a new chat takes its place. */
export function Deleted() {
  useEffect(() => toast(strings.sidebar.removed), []);
  return <Navigate to="/" replace />;
}
