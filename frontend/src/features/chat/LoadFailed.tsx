import { PageHeader } from "../../app/PageHeader";
import { strings } from "../../shared/strings";

export function LoadFailed({ message, onRetry }: { message: string; onRetry: () => void }) {
  return (
    <>
      <PageHeader title={strings.app} />
      <div className="m-auto p-6">
        <div role="alert" className="alert">
          <span>{message}</span>
          <button type="button" className="button-outline" onClick={onRetry}>
            {strings.retry}
          </button>
        </div>
      </div>
    </>
  );
}
