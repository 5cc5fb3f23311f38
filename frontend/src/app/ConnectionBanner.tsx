import { connection } from "../api/socket";
import { strings } from "../shared/strings";
import { useObservable } from "../shared/useObservable";

/** Says when what is shown may be out of date. */
export function ConnectionBanner() {
  const state = useObservable(connection);
  return (
    <div role="status">
      {state === "lost" && <p className="banner">{strings.connection.lost}</p>}
      {state === "signedOut" && (
        <p className="banner">
          {strings.connection.signedOut}{" "}
          <button type="button" className="underline" onClick={() => location.reload()}>
            {strings.connection.signIn}
          </button>
        </p>
      )}
    </div>
  );
}
