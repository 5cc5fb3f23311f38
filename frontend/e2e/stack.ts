import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "./processes";

/**
 * The real stack, with a model that does what the prompt says (tests/scripted_tgi.py).
 * Its addresses go to the tests as PYBOT_E2E_URL and PYBOT_E2E_MODEL_URL.
 */
export default async function startStack(): Promise<() => Promise<void>> {
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
    process.env.PYBOT_E2E_URL = await pybot.until(/Pybot is ready at (http:\S+)/);
    process.env.PYBOT_E2E_MODEL_URL = modelUrl;
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
