import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "./processes";

/** Where a stack answers, and where its scripted model does (tests/scripted_tgi.py). */
export interface Stack {
  readonly url: string;
  readonly modelUrl: string;
  stop(): Promise<void>;
}

/** Starts the real stack, with a model that does what the prompt says. */
export async function startStack(): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), "pybot-e2e-"));
  const programs: Program[] = [];
  const stop = async () => {
    for (const program of programs.reverse()) await program.end();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const model = new Program(["-m", "tests.scripted_tgi", "--port", "0"], {});
    programs.push(model);
    const modelUrl = await model.until(/(http:\S+)/);
    const up = ["-m", "pybot", "up", "--port", "0", "--data-dir", join(folder, "data")];
    const pybot = new Program(up, { LLM__URL: modelUrl });
    programs.push(pybot);
    const url = await pybot.until(/Pybot is ready at (http:\S+)/);
    return { url, modelUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
