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

export function ThemeMenu() {
  const [chosen, setChosen] = useState(chosenTheme);
  const choose = (theme: Theme) => {
    setChosen(theme);
    chooseTheme(theme);
  };
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="button-icon" aria-label={strings.theme.label}>
        <Sun aria-hidden className="size-5 dark:hidden" />
        <Moon aria-hidden className="hidden size-5 dark:block" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align="end" sideOffset={6} className="menu">
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
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
