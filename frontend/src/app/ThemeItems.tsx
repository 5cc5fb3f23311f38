import { Monitor, Moon, Sun } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useState } from "react";
import { strings } from "../shared/strings";
import { chooseTheme, chosenTheme, type Theme } from "./theme";

const THEMES = [
  { theme: "light", Icon: Sun },
  { theme: "dark", Icon: Moon },
  { theme: "system", Icon: Monitor },
] as const satisfies readonly { theme: Theme; Icon: typeof Sun }[];

/** The themes, as items of a menu. */
export function ThemeItems() {
  const [chosen, setChosen] = useState(chosenTheme);
  const choose = (theme: Theme) => {
    setChosen(theme);
    chooseTheme(theme);
  };
  return (
    <>
      <DropdownMenu.Label className="menu-heading">{strings.theme.label}</DropdownMenu.Label>
      <DropdownMenu.RadioGroup value={chosen}>
        {THEMES.map(({ theme, Icon }) => (
          <DropdownMenu.RadioItem
            key={theme}
            value={theme}
            className="menu-item"
            onSelect={() => choose(theme)}
          >
            <Icon aria-hidden className="size-4" />
            {strings.theme[theme]}
          </DropdownMenu.RadioItem>
        ))}
      </DropdownMenu.RadioGroup>
    </>
  );
}
