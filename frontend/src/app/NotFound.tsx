import { Link } from "react-router";
import { strings } from "../shared/strings";
import { PageHeader } from "./PageHeader";

export function NotFound({ text }: { text: string }) {
  return (
    <>
      <PageHeader title={strings.notFound.title} />
      <div className="m-auto max-w-md p-6 text-center">
        <h1 className="text-2xl font-semibold">{strings.notFound.title}</h1>
        <p className="mt-2 text-muted">{text}</p>
        <Link to="/" className="button-primary mt-6">
          {strings.newChat}
        </Link>
      </div>
    </>
  );
}
