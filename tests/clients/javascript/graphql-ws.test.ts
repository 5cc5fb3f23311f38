import { openBare } from "./bare.ts";
import { held } from "./client.ts";
import { keepsPromises } from "./promises.ts";
import { openSocket } from "./socket.ts";

keepsPromises(held((through) => openBare(openSocket(through))));
