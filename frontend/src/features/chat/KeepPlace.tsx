import { Component, type ReactNode, type RefObject } from "react";

interface Props {
  /** The first message: another one means that earlier ones were put before it. */
  first: string | undefined;
  scrollRef: RefObject<HTMLDivElement | null>;
  children: ReactNode;
}

/** Keeps what is in view in its place when earlier messages appear above it. */
export class KeepPlace extends Component<Props> {
  /** The distance from the view to the end, which does not change; null when nothing is to be kept. */
  override getSnapshotBeforeUpdate(previous: Readonly<Props>): number | null {
    const box = this.props.scrollRef.current;
    const changed = previous.first !== undefined && previous.first !== this.props.first;
    return changed && box ? box.scrollHeight - box.scrollTop : null;
  }

  override componentDidUpdate(_: Readonly<Props>, __: unknown, fromEnd: number | null): void {
    const box = this.props.scrollRef.current;
    if (fromEnd !== null && box) box.scrollTop = box.scrollHeight - fromEnd;
  }

  override render(): ReactNode {
    return this.props.children;
  }
}
