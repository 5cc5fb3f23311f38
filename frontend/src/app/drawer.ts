import { Observable } from "../shared/observable";

/** Whether the list of conversations lies over the page, where the screen is too narrow for both. */
export const drawerOpen = new Observable(false);
