import { Component, type ReactNode } from "react";

interface Props {
  message: string;
  /** What can be done about it. */
  action?: ReactNode;
  children: ReactNode;
}

/** Keeps what breaks in one place from taking the page with it. */
export class ErrorBoundary extends Component<Props, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <div role="alert" className="alert">
        <span>{this.props.message}</span>
        {this.props.action}
      </div>
    );
  }
}
