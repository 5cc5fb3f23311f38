const TIMEOUT_MS = 5_000;

/** Whether an answer is that of a sign-in proxy to whom it does not know: 401, or the way to a login page. */
export function asksToSignIn(response: Response): boolean {
  return response.status === 401 || response.type === "opaqueredirect";
}

/** Asks over HTTP whether one must sign in: a page is not told why a WebSocket was refused. */
export async function mustSignIn(): Promise<boolean> {
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query: "{ __typename }" }),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return asksToSignIn(response);
  } catch {
    return false; // nobody was reached
  }
}
