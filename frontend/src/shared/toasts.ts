import { Observable } from "./observable";

export interface ToastItem {
  id: number;
  kind: "info" | "error";
  text: string;
}

export const toasts = new Observable<readonly ToastItem[]>([]);

let lastId = 0;

export function toast(text: string, kind: ToastItem["kind"] = "info"): void {
  lastId += 1;
  toasts.set([...toasts.get(), { id: lastId, kind, text }]);
}

export function dismissToast(id: number): void {
  toasts.set(toasts.get().filter((item) => item.id !== id));
}
