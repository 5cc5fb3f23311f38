import { CircleUser, LogOut } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { strings } from "../shared/strings";
import { useObservable } from "../shared/useObservable";
import { account } from "../state/account";
import { ThemeItems } from "./ThemeItems";

/** Who is signed in, how the page looks, and the way out. */
export function AccountMenu() {
  const known = useObservable(account);
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="button-icon" aria-label={strings.account.label}>
        <CircleUser aria-hidden className="size-5" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align="end" sideOffset={6} className="menu">
          {known && (
            <DropdownMenu.Label className="menu-heading">
              <span className="block truncate font-medium text-fg" dir="auto">
                {known.name}
              </span>
              {known.email !== null && known.email !== known.name && (
                <span className="block truncate">{known.email}</span>
              )}
            </DropdownMenu.Label>
          )}
          <ThemeItems />
          {known?.signOutUrl != null && (
            <>
              <DropdownMenu.Separator className="menu-line" />
              <DropdownMenu.Item className="menu-item" asChild>
                <a href={known.signOutUrl}>
                  <LogOut aria-hidden className="size-4" />
                  {strings.account.signOut}
                </a>
              </DropdownMenu.Item>
            </>
          )}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
