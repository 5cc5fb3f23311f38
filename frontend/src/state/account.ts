import { Observable } from "../shared/observable";

/** Who is signed in. */
export interface Account {
  name: string;
  email: string | null;
  /** Where one signs out; null where there is no such place. */
  signOutUrl: string | null;
}

/** Null until the server has said it. */
export const account = new Observable<Account | null>(null);
