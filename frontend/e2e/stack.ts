import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(import.meta.dirname, "../..");
const PYTHON = process.env.PYTHON ?? join(ROOT, ".venv/bin/python");

/**
 * The real stack, with a model that does what the prompt says (tests/scripted_tgi.py).
 * Its addresses go to the tests as PYBOT_E2E_URL and PYBOT_E2E_MODEL_URL.
 */
export default async function startStack(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "pybot-e2e-"));
  const processes: ChildProcess[] = [];
  const stop = async () => {
    for (const child of processes.reverse()) await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const model = start(["-m", "tests.scripted_tgi", "--port", "0"], {});
    processes.push(model.child);
    const modelUrl = await model.until(/(http:\S+)/);
    const up = ["-m", "pybot", "up", "--port", "0", "--data-dir", join(folder, "data")];
    const pybot = start(up, { LLM__URL: modelUrl });
    processes.push(pybot.child);
    process.env.PYBOT_E2E_URL = await pybot.until(/Pybot is ready at (http:\S+)/);
    process.env.PYBOT_E2E_MODEL_URL = modelUrl;
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

interface Started {
  child: ChildProcess;
  /** The group of a pattern in the first line of output that it matches. */
  until: (pattern: RegExp) => Promise<string>;
}

function start(args: string[], env: Record<string, string>): Started {
  const child = spawn(PYTHON, args, {
    cwd: ROOT,
    env: { ...process.env, PYTHONUNBUFFERED: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  child.stderr.on("data", (data: Buffer) => lines.push(data.toString()));
  const until = (pattern: RegExp) =>
    new Promise<string>((found, failed) => {
      output.on("line", (line) => {
        lines.push(line);
        const match = pattern.exec(line)?.[1];
        if (match !== undefined) found(match);
      });
      child.once("exit", () => failed(new Error(`${args.join(" ")} ended:\n${lines.join("\n")}`)));
    });
  return { child, until };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
