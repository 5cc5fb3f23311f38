import { useState } from "react";
import { strings } from "../../shared/strings";

export function LoadEarlier({ onLoad }: { onLoad: () => Promise<void> }) {
  const [loading, setLoading] = useState(false);
  const load = () => {
    setLoading(true);
    onLoad().catch(() => setLoading(false));
  };
  return (
    <button type="button" className="button-quiet mx-auto flex" disabled={loading} onClick={load}>
      {loading ? strings.loading : strings.chat.earlier}
    </button>
  );
}
