export type Theme = "light" | "dark" | "system";

/** The same key as in public/theme.js, which sets the theme before the first paint. */
const KEY = "theme";
const wantsDark = () => matchMedia("(prefers-color-scheme: dark)");

export function chosenTheme(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export function chooseTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Then the choice lasts as long as the page.
  }
  show(theme);
}

function show(theme: Theme): void {
  const system = wantsDark().matches ? "dark" : "light";
  document.documentElement.dataset.theme = theme === "system" ? system : theme;
}

/** Follows the system's theme while it is the chosen one, and the choice in other tabs. */
export function followTheme(): void {
  wantsDark().addEventListener("change", () => show(chosenTheme()));
  addEventListener("storage", (event) => {
    if (event.key === KEY) show(chosenTheme());
  });
}
