const PREFIX = "pybot.";

/** localStorage may be full or forbidden; what is kept there is a comfort, not the truth. */
export function stored(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** Keeps a text, or forgets it when it is empty or null. */
export function store(key: string, value: string | null): void {
  try {
    if (value) localStorage.setItem(PREFIX + key, value);
    else localStorage.removeItem(PREFIX + key);
  } catch {
    // Nothing to be done: see above.
  }
}

/** Calls back with each text that another tab keeps under a key; null when it forgets it. */
export function onStoredElsewhere(key: string, callback: (value: string | null) => void): void {
  addEventListener("storage", (event) => {
    if (event.key === PREFIX + key) callback(event.newValue);
  });
}

/** The names of what is kept. */
export function storedKeys(): string[] {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX))
      .map((key) => key.slice(PREFIX.length));
  } catch {
    return [];
  }
}
