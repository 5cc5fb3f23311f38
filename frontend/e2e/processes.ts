import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";

const ROOT = resolve(import.meta.dirname, "../..");
const PYTHON = process.env.PYTHON ?? join(ROOT, ".venv/bin/python");

/** A Python program of the repository. */
export class Program {
  readonly child: ChildProcess;
  #output = "";

  constructor(args: string[], env: Record<string, string>) {
    this.child = spawn(PYTHON, args, {
      cwd: ROOT,
      env: { ...process.env, PYTHONUNBUFFERED: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", (line) => this.#say(line));
    }
  }

  #say(line: string): void {
    this.#output += `${line}\n`;
    this.child.emit("said");
  }
  get pid(): number {
    if (this.child.pid === undefined) throw new Error("it did not start");
    return this.child.pid;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** How many times it has said something. */
  said(text: string): number {
    return this.#output.split(text).length - 1;
  }

  /** The group of a pattern, once it has said something that matches. */
  async until(pattern: RegExp): Promise<string> {
    const exit = once(this.child, "exit");
    for (;;) {
      const match = pattern.exec(this.#output)?.[1];
      if (match !== undefined) return match;
      if (!this.running) throw new Error(`it has ended:\n${this.#output}`);
      await Promise.race([once(this.child, "said"), exit]);
    }
  }

  /** Ends it by a signal, and waits for the end. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (!this.running) return;
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    await ended;
  }
}

/** Until a process that is nobody's child here has ended. */
export async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await setTimeout(20);
}

/** The process of this name that another one has started. */
export function childOf(parent: number, name: string): number {
  for (const entry of readdirSync("/proc").filter((it) => /^\d+$/.test(it))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const [, command, rest] = /\((.*)\) (.*)/.exec(stat) ?? [];
      if (command === name && Number(rest?.split(" ")[1]) === parent) return Number(entry);
    } catch {
      continue; // it has just ended
    }
  }
  throw new Error(`no ${name} runs`);
}
