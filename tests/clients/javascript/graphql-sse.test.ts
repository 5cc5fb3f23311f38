import { openBare } from "./bare.ts";
import { held } from "./client.ts";
import { keepsPromises } from "./promises.ts";
import { openStreams } from "./streams.ts";

keepsPromises(held((through) => openBare(openStreams(through))));
